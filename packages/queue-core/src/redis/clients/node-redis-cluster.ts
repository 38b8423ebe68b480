import type { ClientAdapter, NodeAddress } from './adapter.ts'
import { adaptNode, sharedOptions, type RedisNodeClient } from './node-redis.ts'

/** `nodeAddressMap` of node-redis: the address of a node from here, by the one that the cluster announces. */
type NodeAddressMap = Readonly<Record<string, NodeAddress>> | ((address: string) => NodeAddress | undefined)

/** The part of a node-redis cluster client (`createCluster()`) that the library uses. */
export interface RedisClusterClient {
  readonly isOpen: boolean
  readonly nodeByAddress: ReadonlyMap<string, { readonly client?: RedisNodeClient | undefined }>
  /** What it was made with: the addresses by which its nodes are reached from here. */
  readonly _options?: { readonly nodeAddressMap?: NodeAddressMap | undefined } | undefined
  /** Its view of the cluster, which it refreshes after a redirection, and when a node is gone, but not when one is silent. */
  readonly _slots?: unknown
  sendCommand<T = unknown>(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
    options?: object,
  ): Promise<T>
  getNodeClientForKey(key: string): Promise<RedisNodeClient>
}

interface Slots {
  rediscover(startWith: RedisNodeClient): Promise<unknown>
}

/** Adapts `createCluster()`. */
export function adaptCluster(cluster: RedisClusterClient): ClientAdapter {
  const nodes: ClientAdapter['nodes'] = () =>
    [...cluster.nodeByAddress].flatMap(([name, { client }]) =>
      client?.isReady === true ? [adaptNode(name, client)] : [],
    )
  return {
    async send(key, args, withdraw) {
      const options = sharedOptions(withdraw)
      // node-redis 6 would ask every node.
      if (args[0] === 'INFO') return (await cluster.getNodeClientForKey(key)).sendCommand(args, options)
      return cluster.sendCommand(key, false, args, options)
    },
    async nodeOf(key) {
      const template = await cluster.getNodeClientForKey(key)
      const name = [...cluster.nodeByAddress].find(([, { client }]) => client === template)?.[0]
      return adaptNode(name, template)
    },
    nodes,
    learnFrom({ name = '' }) {
      const client = cluster.nodeByAddress.get(name)?.client
      // oxlint-disable-next-line no-underscore-dangle -- node-redis shows it nowhere else
      const slots = cluster._slots as Slots | undefined
      if (client !== undefined) slots?.rediscover(client).catch(() => undefined)
    },
    addressOf(name) {
      // oxlint-disable-next-line no-underscore-dangle -- node-redis shows it nowhere else
      const map = cluster._options?.nodeAddressMap
      return (typeof map === 'function' ? map(name) : map?.[name]) ?? parseAddress(name)
    },
  }
}

/** Reads `<host>:<port>`; the host may be an IPv6 address. */
export function parseAddress(name: string): NodeAddress {
  const colon = name.lastIndexOf(':')
  return { host: name.slice(0, colon), port: Number(name.slice(colon + 1)) }
}
