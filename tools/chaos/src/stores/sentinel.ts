import { startSentinelTrio } from '@titan/servers/topologies'
import {
  effectsOnGroup,
  followedBy,
  itemAt,
  untilWhole,
  type RedisGroup,
  type RedisNode,
} from './redis-group.ts'
import type { RedisStore } from './store.ts'

/** Starts a primary with two replicas and three Sentinels, with their data in the folder. */
export async function startSentinelIn(folder: string): Promise<RedisStore> {
  const trio = await startSentinelTrio(folder)
  const { nodes, sentinels, masterName } = trio
  const group: RedisGroup<RedisNode> = {
    nodes,
    primaries: async () => [await trio.primary()],
    async replicas() {
      const primary = await trio.primary()
      return nodes.filter((node) => node !== primary)
    },
    switchOver: () => trio.failover(),
    async isWhole() {
      const primary = await trio.primary()
      const replicas = nodes.filter((node) => node !== primary)
      const followed = await Promise.all(replicas.map(followedBy))
      const views = await Promise.all(sentinels.map((sentinel) => viewOf(sentinel, masterName)))
      const all = [...followed, ...views.map(({ port }) => port)]
      return all.every((port) => port === primary.port) && views.every(({ isReady }) => isReady)
    },
  }
  return {
    urlAt: () => trio.url,
    url: () => trio.url,
    partitions: 1,
    async start() {
      await Promise.all([...nodes, ...sentinels].map((node) => node.start()))
      await untilWhole(group)
    },
    stop: trio.stop,
    effects: {
      ...effectsOnGroup(group),
      sentinel_kill({ pick }) {
        const sentinel = itemAt(sentinels, pick)
        return {
          begin: () => sentinel.kill(),
          async end() {
            await sentinel.start()
            await untilWhole(group)
          },
        }
      },
    },
  }
}

/** Reads what a Sentinel takes for the primary, and whether it knows two servers that could replace it. */
async function viewOf(sentinel: RedisNode, masterName: string) {
  const [, port] = await sentinel.send<string[]>('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)
  const replicas = await sentinel.send<string[][]>('SENTINEL', 'REPLICAS', masterName)
  // Names and values in turn. Another word beside `slave` says that it is down.
  const usable = replicas.filter((fields) => fields[fields.indexOf('flags') + 1] === 'slave')
  return { port: Number(port), isReady: usable.length === 2 }
}
