import { withDeadline } from '@titan/queue-core/async'
import { ClientClosedError, type RedisClientType, type RedisClusterType } from 'redis'
import { addressText } from '../server-url.ts'
import { Duplicates } from './duplicates.ts'
import { watchRedis } from './watch.ts'

/** Pause between two looks at the cluster, in milliseconds. */
const LOOK_EVERY_MS = 1_000
/** How long a node may take to answer, in milliseconds. */
const ANSWER_TIMEOUT_MS = 1_000
/** How many looks a new connection may take, so that the search for masters that waits for it continues. */
const MAX_LOOKS = 5
const SLOTS = 16_384

/** Slots with the node that serves them, the master first, as CLUSTER SLOTS replies. */
type SlotRanges = readonly (readonly [
  from: number,
  to: number,
  master: readonly [host: string, port: number],
])[]

/**
 * Keeps a cluster client at the masters. By itself it learns of a failover by MOVED or by a lost connection, and a frozen
 * node gives it neither: so the nodes are asked in turn who serves the slots.
 */
export class ClusterWatch {
  readonly #cluster: RedisClusterType
  readonly #onComplete: () => void
  readonly #watched = new WeakSet<object>()
  /** Looks at which a node had no connection. */
  #misses = new WeakMap<object, number>()
  #timer: NodeJS.Timeout | undefined
  readonly #duplicates = new Duplicates()
  #turn = 0
  #isLooking = false
  #isServed = false

  constructor(cluster: RedisClusterType, onComplete: () => void) {
    this.#cluster = cluster
    this.#onComplete = onComplete
    for (const event of ['node-connect', 'node-error'] as const) cluster.on(event, () => this.#watchNodes())
    cluster.on('node-ready', () => this.#report())
  }

  /** Looks for the first time, then again and again. */
  async start(): Promise<void> {
    await this.#look()
    // It may have been closed meanwhile.
    if (!this.#cluster.isOpen) throw new ClientClosedError()
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Whether a master to which there is a connection serves each slot, as far as is known. */
  isComplete(): boolean {
    const { masters } = this.#cluster
    return this.#isServed && masters.length > 0 && masters.every(({ client }) => client?.isReady === true)
  }

  async #look(): Promise<void> {
    this.#watchNodes()
    this.#dropStuck()
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      await this.#compare()
    } catch {
      // The node's own client reports it, and another node is asked next.
    } finally {
      this.#isLooking = false
    }
    this.#report()
  }

  async #compare(): Promise<void> {
    const nodes = this.#cluster.masters.flatMap(({ client }) => (client?.isReady === true ? [client] : []))
    this.#turn += 1
    // Two, because one of them may be frozen.
    const asked = new Set([nodes[this.#turn % nodes.length], nodes[(this.#turn + 1) % nodes.length]])
    const answers = [...asked].flatMap((node) => (node === undefined ? [] : [this.#ask(node)]))
    const { node, ranges } = await Promise.any(answers)
    this.#isServed = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0) === SLOTS
    if (!this.#isAsClientThinks(ranges)) await this.#rediscover(node)
    if (this.#isServed) this.#duplicates.keep(ranges.map(([, , [host, port]]) => addressText(host, port)))
  }

  async #ask(node: RedisClientType) {
    const read = Promise.all([
      node.sendCommand<SlotRanges>(['CLUSTER', 'SLOTS']),
      // A user may not be allowed it.
      node.sendCommand<string>(['CLUSTER', 'INFO']).catch(() => ''),
    ])
    const [ranges, info] = await withDeadline(read, ANSWER_TIMEOUT_MS, () => new Error('late'))
    if (!/^cluster_state:(?!ok)/m.test(info)) return { node, ranges }
    // A master that was cut off from the others still names itself.
    this.#isServed = false
    throw new Error('the cluster is down')
  }

  #isAsClientThinks(ranges: SlotRanges): boolean {
    return ranges.every(([from, to, [host, port]]) => {
      for (let slot = from; slot <= to; slot += 1)
        if (this.#cluster.slots[slot]?.master.address !== `${host}:${port}`) return false
      return true
    })
  }

  async #rediscover(node: RedisClientType): Promise<void> {
    // oxlint-disable-next-line no-underscore-dangle -- node-redis has no other way to ask for it
    await this.#cluster._slots.rediscover(node)
  }

  #watchNodes(): void {
    for (const { client } of this.#cluster.nodeByAddress.values()) {
      if (client === undefined || this.#watched.has(client)) continue
      this.#watched.add(client)
      this.#duplicates.track(client)
      // A node that was demoted answers MOVED, which leads on.
      watchRedis(client, { acceptsReplica: true, onUsable: () => this.#report() })
    }
  }

  /** Drops new connections that take too long: a search for the masters waits until each one is connected to. */
  #dropStuck(): void {
    for (const node of this.#cluster.nodeByAddress.values()) {
      const { client } = node
      if (client === undefined) continue
      const misses = client.isReady ? 0 : (this.#misses.get(client) ?? 0) + 1
      this.#misses.set(client, misses)
      if (misses >= MAX_LOOKS && node.connectPromise !== undefined) client.destroy()
    }
  }

  #report(): void {
    if (this.isComplete()) this.#onComplete()
  }
}
