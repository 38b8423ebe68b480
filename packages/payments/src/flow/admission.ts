import { RetryError, UnrecoverableError } from '@titan/queue-core'
import { gatewayNameOf } from '../domain/accounts/place.ts'
import { reasonOf } from '../domain/evidence.ts'
import type { Deferral, OnPaymentsEvent } from '../domain/events.ts'
import type { PaymentAttempt } from '../domain/payment.ts'
import type { Gateway } from '../gateways/gateway.ts'
import { withMembers, type Gateways } from '../gateways/gateways.ts'
import type { PaymentPlace } from '../store/read.ts'
import { directionsOf, type Directions, type ReadRoutes } from './routes.ts'

export interface AdmissionsOptions {
  readonly gateways: Gateways
  readonly findPlace: (paymentId: string) => Promise<PaymentPlace | undefined>
  readonly readRoutes: ReadRoutes
  readonly attempts: (paymentId: string) => Promise<readonly PaymentAttempt[]>
  /** Payments in flight at most, at all gateways together. @default no limit */
  readonly concurrency?: number | undefined
  /** Returns the signal that aborts when jobs that wait for this gateway go back to the queue. @default they wait */
  readonly returning?: ((gateway: string) => AbortSignal) | undefined
  readonly onEvent: OnPaymentsEvent
  readonly random: () => number
}

/** The right to work on one payment at one gateway. */
export interface Entered {
  readonly gateway: Gateway
  /** Makes room for the next one. Idempotent. */
  release(): void
  /** Where else it may go now, and after which declines. @default nowhere */
  elsewhere?(): Pick<Directions, 'route' | 'declines'>
}

/** Bounds of the delay after which a job is tried again for which no gateway had room, in milliseconds. */
const MIN_DELAY_MS = 500
const MAX_DELAY_MS = 60_000
/**
 * A gateway is taken to be gone when a payment for it has stayed as it is for this long, in milliseconds. Its due time says
 * nothing: the reconciler moves it while there is a job.
 */
const GONE_AFTER_MS = 300_000
/** How many slots one gateway holds at most for each that is free. */
const HELD_FOR_EACH_FREE = 3

/** What a worker holds of one gateway. */
interface Held {
  jobs: number
  probes: number
}

/**
 * Chooses the gateway of each payment before its claim, and waits for room there. A job that waits holds a slot of its
 * worker. With one gateway that is how a backlog stays in the queue. With several, where each account's credentials count as
 * one, no job waits for a gateway that is down, and jobs of slow ones cannot fill all slots.
 *
 * A job goes back without a claim for as long as its payment has waited: since it was due where there is no room, since it
 * last changed where the gateway is down. So an outage costs each a few deliveries, however long it lasts.
 */
export class Admissions {
  readonly #options: AdmissionsOptions
  readonly #held = new Map<string, Held>()
  /** Jobs at all gateways together. */
  #jobs = 0

  constructor(options: AdmissionsOptions) {
    this.#options = options
  }

  /** Rejects with a RetryError when the job goes back to the queue. */
  async enter(paymentId: string, signal: AbortSignal): Promise<Entered> {
    const { gateways } = this.#options
    const [only] = gateways.names.length === 1 && gateways.hasAccounts !== true ? gateways.names : []
    const gateway = only === undefined ? undefined : gateways.get(only)
    // Before the claim: while the gateway is down or busy, payments stay where they are and no lease runs.
    if (gateway !== undefined) return this.#admit(gateway, signal)
    return this.#enterOneOf(paymentId, signal)
  }

  async #enterOneOf(paymentId: string, signal: AbortSignal): Promise<Entered> {
    const { gateways, findPlace, readRoutes } = this.#options
    const [place, rules] = await Promise.all([findPlace(paymentId), readRoutes()])
    if (place === undefined) throw new UnrecoverableError('there is no such payment')
    const directions = directionsOf(place, rules, gateways)
    const known = this.#known(directions.names, directions.isExact ? undefined : place.account)
    const [first] = known
    if (first === undefined) {
      const left = await this.#leaveGone(place, directions)
      return left ?? Promise.reject(this.#defer(place, 'other_gateway'))
    }
    const elsewhere = () => this.#elsewhere(place, directions)
    const up = known.find((gateway) => !this.#isDown(gateway))
    if (up === undefined && place.mayLeave && elsewhere().route.some((name) => name !== first.name))
      return { gateway: refusing(first), release() {}, elsewhere }
    if (up === undefined) throw this.#defer(place, 'gateway_down')
    return this.#enterAt(up, place, elsewhere, signal)
  }

  async #enterAt(
    up: Gateway,
    place: PaymentPlace,
    elsewhere: () => Directions,
    signal: AbortSignal,
  ): Promise<Entered> {
    const held = this.#heldOf(up)
    const isProbe = up.circuit === 'probing'
    if (!isProbe && !this.#hasRoom(held)) throw this.#defer(place, 'gateway_busy')
    const leave = this.#hold(held, isProbe)
    try {
      const { gateway, release } = await this.#admit(up, signal)
      return {
        gateway,
        release() {
          release()
          leave()
        },
        elsewhere,
      }
    } catch (error) {
      leave()
      throw error instanceof RetryError ? this.#defer(place, 'gateway_down', error) : error
    }
  }

  /**
   * Enters to continue elsewhere, where the payment is to go to a gateway that has left `GATEWAYS` since, or has an attempt there
   * that was never sent. Undefined when it has to wait for that gateway.
   */
  async leaveGone(paymentId: string): Promise<Entered | undefined> {
    const { gateways, findPlace, readRoutes } = this.#options
    const [place, rules] = await Promise.all([findPlace(paymentId), readRoutes()])
    return place && this.#leaveGone(place, directionsOf(place, rules, gateways))
  }

  async #leaveGone(place: PaymentPlace, directions: Directions): Promise<Entered | undefined> {
    const { gateways, attempts } = this.#options
    const { id, gateway, mayLeave, unchangedMs } = place
    const isGone = gateway !== null && !gateways.names.includes(gatewayNameOf(gateway))
    if (!isGone || !mayLeave || unchangedMs < GONE_AFTER_MS) return undefined
    const before = await attempts(id)
    const hasDeclined = (name: string): boolean =>
      before.findLast((attempt) => attempt.gateway === name)?.outcome === 'DECLINED'
    const elsewhere = () => this.#elsewhere(place, directions)
    if (elsewhere().route.every(hasDeclined)) return undefined
    return { gateway: gone(gateway), release() {}, elsewhere }
  }

  #elsewhere({ account }: PaymentPlace, directions: Directions): Directions {
    return { ...directions, route: this.#upOf(directions.route, account) }
  }

  async #admit(gateway: Gateway, signal: AbortSignal): Promise<Entered> {
    if (gateway.admit === undefined) return { gateway, release() {} }
    const returned = this.#options.returning?.(gateway.name)
    try {
      const either = returned === undefined ? signal : AbortSignal.any([signal, returned])
      return await gateway.admit({ signal: either })
    } catch (error) {
      if (returned?.aborted !== true) throw error
      throw new RetryError(reasonOf(error), { delayMs: 0, countsAsAttempt: false, cause: error })
    }
  }

  #known(names: readonly string[], account: string | undefined): Gateway[] {
    const { gateways } = this.#options
    return names.map((name) => gateways.get(name, account)).filter((gateway) => gateway !== undefined)
  }

  #upOf(names: readonly string[], account: string): readonly string[] {
    const known = this.#known(names, account)
    return known.filter((gateway) => !this.#isDown(gateway)).map(({ name }) => name)
  }

  /** One job at a time finds out whether a gateway has recovered. */
  #isDown(gateway: Gateway): boolean {
    return gateway.circuit === 'open' || (gateway.circuit === 'probing' && this.#heldOf(gateway).probes > 0)
  }

  #heldOf({ name }: Gateway): Held {
    let held = this.#held.get(name)
    if (held === undefined) this.#held.set(name, (held = { jobs: 0, probes: 0 }))
    return held
  }

  /**
   * A gateway holds a fixed multiple of the slots that are free, so that each further slow one gets less than the one before.
   * Unlike shares, that needs no count of the gateways, of which most may be idle. The first job of each enters always.
   */
  #hasRoom({ jobs }: Held): boolean {
    const { concurrency = Infinity } = this.#options
    const free = concurrency - this.#jobs
    return jobs === 0 || (free > 1 && jobs < HELD_FOR_EACH_FREE * free)
  }

  /** Counts a job, and returns the idempotent function that ends it. */
  #hold(held: Held, isProbe: boolean): () => void {
    const probes = isProbe ? 1 : 0
    let isHeld = true
    this.#jobs++
    held.jobs++
    held.probes += probes
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#jobs--
      held.jobs--
      held.probes -= probes
    }
  }

  #defer(place: PaymentPlace, reason: Deferral, cause?: unknown): RetryError {
    const { onEvent, random } = this.#options
    onEvent({ type: 'deferred', paymentId: place.id, reason })
    return new RetryError(`no gateway takes it now: ${reason}`, {
      // Of the others, one that has just become due has its turn soon.
      delayMs: deferralDelay(reason === 'gateway_down' ? place.unchangedMs : place.overdueMs, random),
      countsAsAttempt: false,
      cause,
    })
  }
}

/** Doubles from one deferral to the next, because it is as long as the payment has waited. */
export function deferralDelay(waitedMs: number, random: () => number): number {
  return Math.max(MIN_DELAY_MS, Math.min(MAX_DELAY_MS, waitedMs)) * (0.75 + 0.25 * random())
}

/** The gateway while it is down or stopped: nothing is sent, so the payment continues at the next one. */
function refusing(gateway: Gateway): Gateway {
  const reason = `not sent: the gateway ${gateway.name} is down or stopped`
  return withMembers(gateway, { charge: async () => ({ type: 'NOT_SENT', fault: 'throttled', reason }) })
}

/** Stands for a gateway that this program does not have: its attempt is closed unsent. What else it may be asked proves nothing. */
function gone(name: string): Gateway {
  const reason = `not sent: the gateway ${name} is not in GATEWAYS`
  return { name, keyTtlMs: Infinity, charge: async () => ({ type: 'NOT_SENT', fault: 'throttled', reason }) }
}
