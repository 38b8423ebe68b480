import { createHash } from 'node:crypto'
import { declineKindOf } from '../domain/declines.ts'
import { PaymentsError } from '../domain/errors.ts'
import type { ChargeOutcome, ChargeRequest, Gateway, LookupAnswer, LookupRequest } from './gateway.ts'

/** What the simulated gateway can do with one request. */
export type SimulatedBehaviour =
  | 'succeed'
  /** No connection: nothing happens. */
  | 'transient'
  | 'soft_decline'
  | 'hard_decline'
  /** Charges, and the answer is lost. */
  | 'unknown_after_charge'
  /** Does nothing, and the answer is lost. */
  | 'unknown_before_charge'
  /** Charges, and answers that it will decide later; an inquiry finds the charge. */
  | 'pending'
  /** Charges another amount than was asked. */
  | 'wrong_amount'
  /** Charges and never answers. */
  | 'hang'

/** Options of {@link createSimulatedGateway}. Rates are shares of the requests under a new key, 0 to 1. */
export interface SimulatedGatewayOptions {
  /** Time until an answer, in milliseconds. @default 100 */
  readonly delayMs?: number
  /** Charges that succeed. @default what the other rates leave */
  readonly successRate?: number
  /** Requests that do not get through. @default 0 */
  readonly transientRate?: number
  /** Charges that are declined, half of them for good. @default what the other rates leave, when successRate is given */
  readonly declineRate?: number
  /** Requests whose answer is lost, half of them after charging. @default 0 */
  readonly unknownRate?: number
  /** The same seed gives the same behaviour for the same keys, in any order. @default 1 */
  readonly seed?: number
  /** How long a key is remembered, in milliseconds. @default 86400000, a day */
  readonly keyTtlMs?: number
  /** Decides instead of the rates, where it does not answer undefined. `send` counts the requests under a key, from 1. @default none */
  readonly script?: (request: ChargeRequest, send: number) => SimulatedBehaviour | undefined
  /** @default 'simulated' */
  readonly name?: string
}

/** One charge in the gateway's own ledger: the oracle of every test about money. */
export interface SimulatedCharge {
  /** The gateway's id. */
  readonly id: string
  readonly gatewayKey: string
  readonly paymentId: string
  readonly amount: number
  readonly currency: string
}

/** A gateway in this process, with a ledger and idempotency keys of its own. */
export interface SimulatedGateway extends Gateway {
  /** Every charge ever made, in order. */
  readonly ledger: readonly SimulatedCharge[]
  /** Every request ever received, in order, repeats included. */
  readonly requests: readonly ChargeRequest[]
  /** Requests that came under a known key with other parameters; must stay 0. */
  readonly mismatches: number
}

interface Stored {
  readonly request: ChargeRequest
  readonly outcome: ChargeOutcome
  readonly storedAt: number
}

/** `LOST` is an answer that never arrives, `HANG` a connection that stays open without one. */
type Reply = ChargeOutcome | 'LOST' | 'HANG'

const SOFT_CODES = ['insufficient_funds', 'issuer_not_available', 'try_again_later'] as const
const HARD_CODES = ['stolen_card', 'expired_card', 'account_closed', 'card_not_supported'] as const

/**
 * Behaves like a gateway with idempotency keys: the first request under a key is decided and stored, a repeat gets the
 * stored answer. What happens depends on seed, key and number of the send only, never on timing.
 */
export function createSimulatedGateway(options: SimulatedGatewayOptions = {}): SimulatedGateway {
  const { delayMs = 100, seed = 1, keyTtlMs = 86_400_000, name = 'simulated', script } = options
  const rates = resolveRates(options)
  const ledger: SimulatedCharge[] = []
  const requests: ChargeRequest[] = []
  const stored = new Map<string, Stored>()
  const sends = new Map<string, number>()
  let mismatches = 0

  function recall(key: string): Stored | undefined {
    const found = stored.get(key)
    if (found === undefined || performance.now() - found.storedAt <= keyTtlMs) return found
    stored.delete(key)
    return undefined
  }

  /** What the server does with a request, at the moment it arrives. */
  function receive(request: ChargeRequest): Reply {
    requests.push(request)
    const send = (sends.get(request.gatewayKey) ?? 0) + 1
    sends.set(request.gatewayKey, send)
    const known = recall(request.gatewayKey)
    if (known === undefined)
      return behave[script?.(request, send) ?? pick(rates, random(seed, `${request.gatewayKey} ${send}`))](
        request,
      )
    if (isSame(known.request, request)) return known.outcome
    mismatches++
    return { type: 'UNKNOWN', reason: 'the key was used with other parameters' }
  }

  const behave: Readonly<Record<SimulatedBehaviour, (request: ChargeRequest) => Reply>> = {
    transient: () => ({ type: 'NOT_SENT', reason: 'ECONNREFUSED (simulated)' }),
    succeed: (request) => store(request, charge(request)),
    soft_decline: (request) => store(request, declined(request, SOFT_CODES)),
    hard_decline: (request) => store(request, declined(request, HARD_CODES)),
    wrong_amount: (request) => store(request, charge({ ...request, amount: request.amount + 1 })),
    unknown_before_charge: () => 'LOST',
    unknown_after_charge(request) {
      store(request, charge(request))
      return 'LOST'
    },
    hang(request) {
      store(request, charge(request))
      return 'HANG'
    },
    pending(request) {
      charge(request)
      return store(request, { type: 'PENDING', gatewayRef: chargeId(request) })
    },
  }

  function charge(request: ChargeRequest): ChargeOutcome {
    const { gatewayKey, paymentId, amount, currency } = request
    const id = chargeId(request)
    ledger.push({ id, gatewayKey, paymentId, amount, currency })
    return { type: 'SUCCEEDED', gatewayRef: id, amount, currency }
  }

  function chargeId({ gatewayKey }: ChargeRequest): string {
    return `sim_${hash(seed, gatewayKey).toString('hex').slice(0, 24)}`
  }

  function declined({ gatewayKey }: ChargeRequest, codes: readonly string[]): ChargeOutcome {
    const code = codes[Math.floor(random(seed, `${gatewayKey} code`) * codes.length)] ?? 'generic_decline'
    return { type: 'DECLINED', code, kind: declineKindOf(code) }
  }

  function store(request: ChargeRequest, outcome: ChargeOutcome): ChargeOutcome {
    stored.set(request.gatewayKey, { request, outcome, storedAt: performance.now() })
    return outcome
  }

  return {
    name,
    keyTtlMs,
    ledger,
    requests,
    get mismatches() {
      return mismatches
    },
    async charge(request, { signal }) {
      if (signal.aborted) return { type: 'NOT_SENT', reason: 'given up before sending' }
      // The server goes on whether or not the client still waits.
      const outcome = receive(request)
      const isDone = await wait(outcome === 'HANG' ? undefined : delayMs, signal)
      if (!isDone) return { type: 'UNKNOWN', reason: 'given up while waiting for the answer' }
      return outcome === 'LOST' || outcome === 'HANG'
        ? { type: 'UNKNOWN', reason: 'ECONNRESET (simulated)' }
        : outcome
    },
    async lookup({ gatewayKey }: LookupRequest, { signal }): Promise<LookupAnswer> {
      if (!(await wait(delayMs, signal)))
        return { type: 'FAILED_TO_ASK', reason: 'given up while waiting for the answer' }
      const found = ledger.find((entry) => entry.gatewayKey === gatewayKey)
      if (found !== undefined) {
        const { id: gatewayRef, amount, currency } = found
        return { type: 'FOUND', outcome: { type: 'SUCCEEDED', gatewayRef, amount, currency } }
      }
      const outcome = stored.get(gatewayKey)?.outcome
      return outcome === undefined ? { type: 'NOT_FOUND' } : { type: 'FOUND', outcome }
    },
  }
}

type Rates = readonly (readonly [behaviour: SimulatedBehaviour, rate: number])[]

function resolveRates(options: SimulatedGatewayOptions): Rates {
  const { successRate, transientRate = 0, unknownRate = 0 } = options
  const rest = 1 - transientRate - unknownRate
  const declineRate = options.declineRate ?? (successRate === undefined ? 0 : rest - successRate)
  const success = successRate ?? rest - declineRate
  const given = { successRate: success, transientRate, declineRate, unknownRate }
  for (const [rate, value] of Object.entries(given)) {
    // A sum that is off by a rounding error is fine.
    if (!(value >= -1e-9 && value <= 1 + 1e-9))
      throw new PaymentsError(
        'INVALID_OPTIONS',
        `${rate} must be between 0 and 1 and all rates together 1, got ${value}`,
      )
  }
  const sum = success + transientRate + declineRate + unknownRate
  if (Math.abs(sum - 1) > 1e-9)
    throw new PaymentsError('INVALID_OPTIONS', `all rates together must be 1, got ${sum}`)
  return [
    ['transient', transientRate],
    ['unknown_after_charge', unknownRate / 2],
    ['unknown_before_charge', unknownRate / 2],
    ['soft_decline', declineRate / 2],
    ['hard_decline', declineRate / 2],
  ]
}

function pick(rates: Rates, point: number): SimulatedBehaviour {
  let sum = 0
  for (const [behaviour, rate] of rates) if (point < (sum += rate)) return behaviour
  return 'succeed'
}

function isSame(one: ChargeRequest, other: ChargeRequest): boolean {
  return one.amount === other.amount && one.currency === other.currency && one.paymentId === other.paymentId
}

function hash(seed: number, text: string): Buffer {
  return createHash('sha256').update(`${seed} ${text}`).digest()
}

/** A number in [0, 1) that depends on seed and text only. */
function random(seed: number, text: string): number {
  return hash(seed, text).readUIntBE(0, 6) / 2 ** 48
}

/** Waits for a while, for ever without one; false when the signal aborts first. */
function wait(delayMs: number | undefined, signal: AbortSignal): Promise<boolean> {
  if (delayMs === 0) return Promise.resolve(true)
  return new Promise((resolve) => {
    const end = (isDone: boolean): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      resolve(isDone)
    }
    const giveUp = (): void => end(false)
    const timer = delayMs === undefined ? undefined : setTimeout(() => end(true), delayMs)
    signal.addEventListener('abort', giveUp, { once: true })
  })
}
