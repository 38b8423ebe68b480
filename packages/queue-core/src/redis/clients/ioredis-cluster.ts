import type { ClientAdapter, NodeAddress } from './adapter.ts'
import {
  adaptIoredisNode,
  makeCommand,
  sendOnce,
  type IoredisClient,
  type IoredisCommander,
} from './ioredis.ts'
import { parseAddress } from './node-redis-cluster.ts'

/** The part of a cluster client of ioredis or iovalkey (`new Cluster()`) that the library uses. */
export interface IoredisClusterClient extends IoredisCommander {
  readonly isCluster: boolean
  readonly options: object
  /** Names of the nodes that serve each slot, its master first. */
  readonly slots: readonly (readonly string[])[]
  nodes(role?: 'master'): readonly IoredisClient[]
  refreshSlotsCache?(callback: () => void): void
}

/** `natMap` of ioredis: the address of a node from here, by the one that the cluster announces. */
interface NatOptions {
  readonly natMap?: Readonly<Record<string, NodeAddress>> | ((name: string) => NodeAddress | null) | null
}

/** Adapts a cluster of ioredis or iovalkey. */
export function adaptIoredisCluster(cluster: IoredisClusterClient): ClientAdapter {
  // The lower-case name: the upper-case one has no keys in iovalkey.
  const slotOf = (key: string): number => makeCommand(cluster, ['exists', key]).getSlot() ?? 0
  /** Sends to the master of the key, also a command that names no key. */
  const send: ClientAdapter['send'] = (key, args, withdraw) => {
    const command = makeCommand(cluster, args)
    command.slot = slotOf(key)
    return sendOnce(cluster, command, withdraw)
  }
  const find = (name: string | undefined): IoredisClient | undefined =>
    cluster.nodes().find((node) => nameOf(node) === name)
  return {
    send,
    async nodeOf(key) {
      const slot = slotOf(key)
      // Connects the cluster where nothing has, and waits until it knows its nodes.
      if (cluster.slots[slot] === undefined)
        await send(key, ['EXISTS', key], AbortSignal.timeout(CONNECT_WITHIN_MS))
      const node = find(cluster.slots[slot]?.[0]) ?? cluster.nodes('master')[0]
      if (node === undefined) throw new Error('The cluster client of ioredis knows no node')
      return adaptIoredisNode(nameOf(node), node)
    },
    nodes: () =>
      cluster
        .nodes('master')
        // One that waits has had nothing to do, and connects when it is asked.
        .filter(({ status }) => status === 'ready' || status === 'wait')
        .map((node) => adaptIoredisNode(nameOf(node), node)),
    learnFrom: () => cluster.refreshSlotsCache?.(() => undefined),
    addressOf(name) {
      const { natMap } = cluster.options as NatOptions
      return (typeof natMap === 'function' ? natMap(name) : natMap?.[name]) ?? parseAddress(name)
    },
  }
}

/** How long a cluster client may take to find its nodes, in milliseconds. */
const CONNECT_WITHIN_MS = 5_000

/** ioredis names its nodes by the address at which it reaches them. */
function nameOf({ options }: IoredisClient): string {
  const { host = '127.0.0.1', port = 6_379 } = options as Partial<NodeAddress>
  return `${host}:${port}`
}
