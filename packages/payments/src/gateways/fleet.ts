import { pause, withDeadline } from '@titan/queue-core/async'
import type { Redis } from '@titan/service'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Admission, Gateway } from './gateway.ts'
import { mapGateways, withMembers, type Gateways } from './gateways.ts'
import { RateLimiter } from './rate-limiter.ts'

/** Limits of a gateway for all processes together. */
export interface FleetLimits {
  readonly maxConcurrent?: number | undefined
  readonly ratePerSecond?: number | undefined
}

export interface FleetOptions {
  readonly redis: Pick<Redis, 'send'>
  /** First part of the keys. */
  readonly prefix: string
  /** Returns the limits of a gateway; undefined without any. */
  readonly limitsOf: (gateway: string) => FleetLimits | undefined
  /** Longest conversation with a gateway, in milliseconds: after this one that did not end counts no longer. */
  readonly leaseMs: number
  /** Receives that Redis cannot be asked, so that the share of this process holds, and that it can be asked again. */
  readonly onShare: (gateway: string, error: unknown) => void
  readonly onWhole: (gateway: string) => void
}

const SCRIPT = readFileSync(new URL('../../lua/fleet.lua', import.meta.url), 'utf8')
/** Longest wait for Redis, in milliseconds. */
const TIMEOUT_MS = 500

/**
 * Puts limits for all processes together around gateways that have some: each admission and each request takes its place
 * in Redis. While Redis cannot be asked, a process keeps to its share by the number of processes last seen, and one
 * conversation at least: payments neither stop with Redis, nor do the limits go.
 */
export function inFleet(gateways: Gateways, options: FleetOptions): Gateways {
  const fleets = new Map<string, Fleet>()
  return mapGateways(gateways, (gateway) => {
    const limits = options.limitsOf(gateway.name)
    if (limits === undefined) return gateway
    const fleet = fleets.get(gateway.name) ?? new Fleet(gateway.name, limits, options)
    fleets.set(gateway.name, fleet)
    return limited(gateway, fleet)
  })
}

/** The limits first that this process can tell by itself, so that no place in the fleet is held while it waits for them. */
function limited(gateway: Gateway, fleet: Fleet): Gateway {
  return withMembers(gateway, {
    async admit({ signal }): Promise<Admission> {
      const own = await gateway.admit?.({ signal })
      try {
        const leave = await fleet.enter(signal)
        return {
          gateway: withTurns(own?.gateway ?? gateway, fleet),
          release() {
            leave()
            own?.release()
          },
        }
      } catch (error) {
        own?.release()
        throw error
      }
    },
  })
}

/** The first request of a conversation was counted with its admission; later ones wait for their turn. */
function withTurns(gateway: Gateway, fleet: Fleet): Gateway {
  const plain = withMembers(gateway, {})
  const { move, lookup, abandon, completeAction } = plain
  let isCounted = true
  async function turn<Value>(signal: AbortSignal, call: () => Promise<Value>): Promise<Value> {
    const isFirst = isCounted
    isCounted = false
    if (!isFirst) await fleet.takeTurn(signal)
    return call()
  }
  return {
    ...plain,
    charge: (request, options) => turn(options.signal, () => plain.charge(request, options)),
    move: move && ((request, options) => turn(options.signal, () => move(request, options))),
    lookup: lookup && ((request, options) => turn(options.signal, () => lookup(request, options))),
    abandon: abandon && ((request, options) => turn(options.signal, () => abandon(request, options))),
    completeAction:
      completeAction && ((request, options) => turn(options.signal, () => completeAction(request, options))),
  }
}

/** The place of this process in the limits of one gateway. */
class Fleet {
  readonly #gateway: string
  readonly #limits: FleetLimits
  readonly #options: FleetOptions
  readonly #process = randomUUID()
  readonly #keys: readonly string[]
  /** Conversations of this process. */
  #held = 0
  #processes = 1
  /** The rate of this process alone, while Redis cannot be asked. */
  #share: RateLimiter | undefined

  constructor(gateway: string, limits: FleetLimits, options: FleetOptions) {
    this.#gateway = gateway
    this.#limits = limits
    this.#options = options
    const place = `${options.prefix}:{gateway:${gateway}}`
    this.#keys = [`${place}:rate`, `${place}:conversations`, `${place}:processes`]
  }

  /** Waits for a conversation and its first request; resolves with its idempotent end. */
  async enter(signal: AbortSignal): Promise<() => void> {
    const member = `${this.#process}:${randomUUID()}`
    await this.#wait(member, signal)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#held--
      const [, conversations = ''] = this.#keys
      // What cannot be removed ends with its lease.
      this.#options.redis.send(conversations, ['ZREM', conversations, member]).catch(() => {})
    }
  }

  takeTurn(signal: AbortSignal): Promise<void> {
    return this.#wait('', signal)
  }

  async #wait(member: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const waitMs = (await this.#askRedis(member)) ?? this.#askShare(member !== '')
      // In the same step as the answer: the next one counts it.
      if (waitMs === 0 && member !== '') this.#held++
      if (waitMs === 0) return
      await pause(waitMs, signal)
    }
  }

  /** Undefined while Redis cannot be asked. */
  async #askRedis(member: string): Promise<number | undefined> {
    const { redis, leaseMs, onShare, onWhole } = this.#options
    const { ratePerSecond = 0, maxConcurrent = 0 } = this.#limits
    const [key = ''] = this.#keys
    const given = [ratePerSecond, maxConcurrent, member, leaseMs, this.#process].map(String)
    try {
      const asked = redis.send<[number, number]>(key, ['EVAL', SCRIPT, '3', ...this.#keys, ...given])
      const late = (): Error => new Error(`Redis did not answer within ${TIMEOUT_MS} ms`)
      const [waitMs, processes] = await withDeadline(asked, TIMEOUT_MS, late)
      this.#processes = Math.max(1, processes)
      if (this.#share !== undefined) onWhole(this.#gateway)
      this.#share = undefined
      return waitMs
    } catch (error) {
      const { ratePerSecond: rate = Infinity } = this.#limits
      if (this.#share === undefined) onShare(this.#gateway, error)
      this.#share ??= new RateLimiter(rate / this.#processes)
      return undefined
    }
  }

  #askShare(isConversation: boolean): number {
    const { maxConcurrent = Infinity } = this.#limits
    const most = Math.max(1, Math.floor(maxConcurrent / this.#processes))
    if (isConversation && this.#held >= most) return TIMEOUT_MS
    if (this.#share?.tryTake() !== false) return 0
    return Math.max(1, Math.ceil(this.#share.waitMs()))
  }
}
