import type { ClientAdapter, NodeAdapter } from './adapter.ts'
import { adaptNode, sharedOptions, type RedisNodeClient } from './node-redis.ts'

/** The part of a pool of node-redis (`createClientPool()`) that the library uses. */
export interface RedisPool {
  readonly idleClients: number
  sendCommand(args: string[], options?: object): Promise<unknown>
  execute(task: (client: RedisNodeClient) => unknown): Promise<unknown>
}

/** Adapts `createClientPool()`. A connection of our own is a duplicate of a pooled client and does not occupy the pool. */
export function adaptPool(pool: RedisPool): ClientAdapter {
  let node: NodeAdapter | undefined
  return {
    send: (_key, args, withdraw) => pool.sendCommand(args, sharedOptions(withdraw)),
    async nodeOf() {
      if (node !== undefined) return node
      await pool.execute((client) => (node = adaptNode(undefined, client)))
      return node as unknown as NodeAdapter
    },
    nodes: () => [],
    addressOf: () => undefined,
  }
}
