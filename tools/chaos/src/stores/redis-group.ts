import type { SentinelTrio } from '@titan/servers/topologies'
import { eventually } from '@titan/testkit'
import type { Effect, Effects } from './store.ts'

/** A Redis server of several, or a Sentinel. */
export type RedisNode = SentinelTrio['nodes'][number]

/** Redis servers of which one takes over when another fails. */
export interface RedisGroup<Node extends RedisNode> {
  readonly nodes: readonly Node[]
  /** The servers that take the queue's writes. */
  primaries(): Promise<readonly Node[]>
  replicas(): Promise<readonly Node[]>
  /** Hands the duty of a primary over in good order. */
  switchOver(primary: Node): Promise<unknown>
  /** Reports whether every server is up, in its role, and known to the others. */
  isWhole(): Promise<boolean>
}

type GroupFault =
  | 'redis_primary_kill'
  | 'redis_primary_freeze'
  | 'redis_switchover'
  | 'redis_replica_kill'
  | 'redis_replica_freeze'
  | 'redis_flush'

/** A takeover or a full copy takes seconds, more on a busy machine. */
const PATIENCE = { timeoutMs: 90_000, intervalMs: 100 }

/** Waits until the group is whole; an error of a server that is not up yet is a no. */
export function untilWhole(group: Pick<RedisGroup<RedisNode>, 'isWhole'>): Promise<unknown> {
  return eventually(() => group.isWhole().catch(() => false), PATIENCE)
}

/** Makes the faults that every group has. Each ends when the group is whole again. */
export function effectsOnGroup<Node extends RedisNode>(group: RedisGroup<Node>): Pick<Effects, GroupFault> {
  const pickFrom = async (nodes: Promise<readonly Node[]>, share: number): Promise<Node> =>
    itemAt(await nodes, share)

  /** A server fails, and comes back at the end; a primary only after another one took over. */
  function fail(
    choose: () => Promise<Node>,
    { how, isPrimary }: { readonly how: 'kill' | 'freeze'; readonly isPrimary: boolean },
  ): Effect {
    const chosen: Node[] = []
    return {
      async begin() {
        const node = await choose()
        chosen.push(node)
        await node[how]()
      },
      async end() {
        const [old] = chosen
        if (old === undefined) return
        if (isPrimary)
          await eventually(
            () =>
              group.primaries().then(
                (primaries) => !primaries.includes(old),
                () => false,
              ),
            PATIENCE,
          )
        if (how === 'kill') await old.start()
        else old.thaw()
        await untilWhole(group)
      },
    }
  }

  const failPrimary = (pick: number, how: 'kill' | 'freeze'): Effect =>
    fail(() => pickFrom(group.primaries(), pick), { how, isPrimary: true })
  const failReplica = (pick: number, how: 'kill' | 'freeze'): Effect =>
    fail(() => pickFrom(group.replicas(), pick), { how, isPrimary: false })
  return {
    redis_primary_kill: ({ pick }) => failPrimary(pick, 'kill'),
    redis_primary_freeze: ({ pick }) => failPrimary(pick, 'freeze'),
    redis_replica_kill: ({ pick }) => failReplica(pick, 'kill'),
    redis_replica_freeze: ({ pick }) => failReplica(pick, 'freeze'),
    redis_switchover: ({ pick }) => ({
      begin: async () => group.switchOver(await pickFrom(group.primaries(), pick)),
      end: () => untilWhole(group),
    }),
    redis_flush: () => ({
      begin: async () => Promise.all((await group.primaries()).map((primary) => primary.send('FLUSHALL'))),
    }),
  }
}

/** Returns the item at a share from 0 up to, not including, 1. */
export function itemAt<Item>(items: readonly Item[], share: number): Item {
  const item = items[Math.floor(share * items.length)]
  if (item === undefined) throw new RangeError('nothing to pick from')
  return item
}

/** The port of the primary that a replica follows in step; undefined for a primary, and for a replica without its link. */
export async function followedBy(node: RedisNode): Promise<number | undefined> {
  const [role, , port, state] = await node.send<unknown[]>('ROLE')
  return role === 'slave' && state === 'connected' ? Number(port) : undefined
}
