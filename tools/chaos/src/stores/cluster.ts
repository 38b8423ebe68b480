import { PAYMENTS_QUEUE } from '@titan/payments'
import { startRedisCluster, type ClusterNode } from '@titan/servers/topologies'
import { effectsOnGroup, followedBy, itemAt, untilWhole, type RedisGroup } from './redis-group.ts'
import type { RedisStore } from './store.ts'

/** More than masters, so that one of them has several. */
const PARTITIONS = 4
/** The hash tags of the queue's keys, each in a separate slot. */
const TAGS = Array.from({ length: PARTITIONS }, (_none, partition) => `{${PAYMENTS_QUEUE}:${partition}}`)

/** Starts three masters with a replica each, with their data in the folder. */
export async function startClusterIn(folder: string): Promise<RedisStore> {
  const cluster = await startRedisCluster(folder)
  const { nodes } = cluster
  const group: RedisGroup<ClusterNode> = {
    nodes,
    primaries: async () => [...new Set(await Promise.all(TAGS.map((tag) => cluster.masterOf(tag))))],
    replicas: async () => Promise.all((await group.primaries()).map((primary) => cluster.replicaOf(primary))),
    switchOver: (primary) => cluster.failover(primary),
    async isWhole() {
      const masters = await cluster.masters()
      const replicas = nodes.filter((node) => !masters.includes(node))
      const followed = await Promise.all(replicas.map(followedBy))
      const states = await Promise.all(nodes.map((node) => node.send<string>('CLUSTER', 'INFO')))
      const isFollowed = masters.every(({ port }) => followed.includes(port))
      return (
        masters.length === 3 && isFollowed && states.every((state) => state.includes('cluster_state:ok\r'))
      )
    },
  }
  return {
    urlAt: () => cluster.url,
    url: () => cluster.url,
    partitions: PARTITIONS,
    async start() {
      await Promise.all(nodes.map((node) => node.start()))
      await untilWhole(group)
    },
    stop: cluster.stop,
    effects: {
      ...effectsOnGroup(group),
      redis_slot_move: ({ pick }) => ({
        async begin() {
          const tag = itemAt(TAGS, pick)
          const from = await cluster.masterOf(tag)
          const others = (await cluster.masters()).filter((master) => master !== from)
          await cluster.moveSlot(tag, itemAt(others, (pick * TAGS.length) % 1))
        },
        end: () => untilWhole(group),
      }),
    },
  }
}
