import { pause } from '@titan/queue-core/async'
import { LRUCache } from 'lru-cache'
import { createHash } from 'node:crypto'
import { declineKindOf } from '../domain/declines.ts'
import { PaymentsError } from '../domain/errors.ts'
import type { ChargeOutcome, ChargeRequest, Gateway } from './gateway.ts'

/** What the simulated gateway can do with one request. */
export type SimulatedBehaviour =
  | 'succeed'
  /** Refuses the connection; nothing happens. */
  | 'transient'
  | 'soft_decline'
  | 'hard_decline'
  /** Charges, and the answer is lost. */
  | 'unknown_after_charge'
  /** Does nothing, and the answer is lost. */
  | 'unknown_before_charge'
  /** Charges, and answers that it decides later; an inquiry finds the charge. */
  | 'pending'
  /** Charges another amount than requested. */
  | 'wrong_amount'
  /** Charges and never answers. */
  | 'hang'

/** Rates are shares of the requests under a new key, 0 to 1. */
export interface SimulatedGatewayOptions {
  /** Time until an answer, in milliseconds. @default 100 */
  readonly delayMs?: number | undefined
  /** Charges that succeed. @default what the other rates leave */
  readonly successRate?: number | undefined
  /** Requests that do not get through. @default 0 */
  readonly transientRate?: number | undefined
  /** Charges that are declined, half of them for good. @default what the other rates leave, when successRate is given */
  readonly declineRate?: number | undefined
  /** Requests whose answer is lost, half of them after charging. @default 0 */
  readonly unknownRate?: number | undefined
  /** The same seed yields the same behaviour for the same keys, in any order. @default 1 */
  readonly seed?: number | undefined
  /** How long a key is remembered, in milliseconds. @default 86400000, a day */
  readonly keyTtlMs?: number | undefined
  /**
   * Decides instead of the rates, except where it returns undefined. `send` counts the requests under a key, from 1.
   * @default none
   */
  readonly script?: ((request: ChargeRequest, send: number) => SimulatedBehaviour | undefined) | undefined
  /** @default 'simulated' */
  readonly name?: string | undefined
}

/** One charge in the ledger of the gateway, by which tests judge where money moved. */
export interface SimulatedCharge extends Omit<ChargeRequest, 'attemptNo'> {
  readonly id: string
}

/** A gateway in this process, with its own ledger and idempotency keys. */
export interface SimulatedGateway extends Gateway {
  /** The latest charges, in order: at least 100,000. */
  readonly ledger: readonly SimulatedCharge[]
  /** The latest requests, in order, repeats included: at least 100,000. */
  readonly requests: readonly ChargeRequest[]
  /** Requests under a known key with other parameters; must stay 0. */
  readonly mismatches: number
}

/**
 * Behaves like a gateway with idempotency keys: the first request under a key is decided and stored, a repeat gets the
 * stored answer. What happens depends on seed, key and number of the send only, never on timing.
 *
 * @throws {PaymentsError} `INVALID_OPTIONS` for rates that are no shares
 */
export function createSimulatedGateway(options: SimulatedGatewayOptions = {}): SimulatedGateway {
  const { delayMs = 100, keyTtlMs = DAY_MS, name = 'simulated' } = options
  const server = new SimulatedServer({ ...options, keyTtlMs })
  return {
    name,
    keyTtlMs,
    ledger: server.ledger,
    requests: server.requests,
    get mismatches() {
      return server.mismatches
    },
    async charge(request, { signal }) {
      if (signal.aborted) return { type: 'NOT_SENT', reason: 'given up before sending' }
      // The server continues whether or not the client still waits.
      const reply = server.receive(request)
      if (!(await wait(reply === 'HANG' ? Infinity : delayMs, signal)))
        return { type: 'UNKNOWN', reason: GIVEN_UP }
      return typeof reply === 'string' ? { type: 'UNKNOWN', reason: 'ECONNRESET (simulated)' } : reply
    },
    async lookup({ gatewayKey }, { signal }) {
      if (!(await wait(delayMs, signal))) return { type: 'FAILED_TO_ASK', reason: GIVEN_UP }
      const outcome = server.find(gatewayKey)
      return outcome === undefined ? { type: 'NOT_FOUND' } : { type: 'FOUND', outcome }
    },
  }
}

const DAY_MS = 86_400_000
/** Charges, requests and keys that are remembered: a worker may run for months. An older key counts as expired. */
const REMEMBERED = 100_000
const GIVEN_UP = 'given up while waiting for the answer'
const SOFT_CODES = ['insufficient_funds', 'issuer_not_available', 'try_again_later'] as const
const HARD_CODES = ['stolen_card', 'expired_card', 'account_closed', 'card_not_supported'] as const

/** `LOST` is an answer that never arrives, `HANG` a connection that stays open without one. */
type Reply = ChargeOutcome | 'LOST' | 'HANG'

interface Stored {
  readonly request: ChargeRequest
  readonly outcome: ChargeOutcome
  readonly storedAt: number
}

/** The other end of the line: decides, charges, and remembers keys. */
class SimulatedServer {
  readonly ledger: SimulatedCharge[] = []
  readonly requests: ChargeRequest[] = []
  mismatches = 0
  readonly #options: SimulatedGatewayOptions & { readonly keyTtlMs: number }
  readonly #rates: Rates
  readonly #stored = new LRUCache<string, Stored>({ max: REMEMBERED })
  readonly #sends = new LRUCache<string, number>({ max: REMEMBERED })
  /** The first charge under each key. */
  readonly #charges = new LRUCache<string, SimulatedCharge>({ max: REMEMBERED })

  constructor(options: SimulatedGatewayOptions & { readonly keyTtlMs: number }) {
    this.#options = options
    this.#rates = resolveRates(options)
  }

  /** Processes a request at the time it arrives. */
  receive(request: ChargeRequest): Reply {
    const { gatewayKey } = request
    append(this.requests, request)
    const send = (this.#sends.get(gatewayKey) ?? 0) + 1
    this.#sends.set(gatewayKey, send)
    const known = this.#recall(gatewayKey)
    if (known === undefined) {
      const byRates = () => pick(this.#rates, this.#random(`${gatewayKey} ${send}`))
      return this.#behave(this.#options.script?.(request, send) ?? byRates(), request)
    }
    if (isSame(known.request, request)) return known.outcome
    this.mismatches++
    return { type: 'UNKNOWN', reason: 'the key was used with other parameters' }
  }

  /** Finds what became of the requests under a key; money that moved comes first. */
  find(gatewayKey: string): ChargeOutcome | undefined {
    const found = this.#charges.get(gatewayKey)
    if (found === undefined) return this.#stored.get(gatewayKey)?.outcome
    return { type: 'SUCCEEDED', gatewayRef: found.id, amount: found.amount, currency: found.currency }
  }

  #behave(behaviour: SimulatedBehaviour, request: ChargeRequest): Reply {
    switch (behaviour) {
      case 'transient':
        return { type: 'NOT_SENT', reason: 'ECONNREFUSED (simulated)' }
      case 'succeed':
        return this.#store(request, this.#charge(request))
      case 'soft_decline':
        return this.#store(request, this.#decline(request, SOFT_CODES))
      case 'hard_decline':
        return this.#store(request, this.#decline(request, HARD_CODES))
      case 'wrong_amount':
        return this.#store(request, this.#charge({ ...request, amount: request.amount + 1 }))
      case 'unknown_before_charge':
        return 'LOST'
      case 'unknown_after_charge':
        this.#store(request, this.#charge(request))
        return 'LOST'
      case 'hang':
        this.#store(request, this.#charge(request))
        return 'HANG'
      case 'pending':
        this.#charge(request)
        return this.#store(request, { type: 'PENDING', gatewayRef: this.#chargeId(request) })
    }
  }

  #charge(request: ChargeRequest): ChargeOutcome {
    const { gatewayKey, paymentId, amount, currency } = request
    const id = this.#chargeId(request)
    const made = { id, gatewayKey, paymentId, amount, currency }
    append(this.ledger, made)
    if (!this.#charges.has(gatewayKey)) this.#charges.set(gatewayKey, made)
    return { type: 'SUCCEEDED', gatewayRef: id, amount, currency }
  }

  #chargeId({ gatewayKey }: ChargeRequest): string {
    return `sim_${this.#hash(gatewayKey).toString('hex').slice(0, 24)}`
  }

  #decline({ gatewayKey }: ChargeRequest, codes: readonly string[]): ChargeOutcome {
    const code = codes[Math.floor(this.#random(`${gatewayKey} code`) * codes.length)] ?? 'generic_decline'
    return { type: 'DECLINED', code, kind: declineKindOf(code) }
  }

  #store(request: ChargeRequest, outcome: ChargeOutcome): ChargeOutcome {
    this.#stored.set(request.gatewayKey, { request, outcome, storedAt: performance.now() })
    return outcome
  }

  #recall(key: string): Stored | undefined {
    const found = this.#stored.get(key)
    if (found === undefined || performance.now() - found.storedAt <= this.#options.keyTtlMs) return found
    this.#stored.delete(key)
    return undefined
  }

  /** Returns a number in [0, 1) that depends on seed and text only. */
  #random(text: string): number {
    return this.#hash(text).readUIntBE(0, 6) / 2 ** 48
  }

  #hash(text: string): Buffer {
    return createHash('sha256')
      .update(`${this.#options.seed ?? 1} ${text}`)
      .digest()
  }
}

function append<Item>(list: Item[], item: Item): void {
  if (list.push(item) === 2 * REMEMBERED) list.splice(0, REMEMBERED)
}

type Rates = readonly (readonly [behaviour: SimulatedBehaviour, rate: number])[]

function resolveRates(options: SimulatedGatewayOptions): Rates {
  const { successRate, transientRate = 0, unknownRate = 0 } = options
  const rest = 1 - transientRate - unknownRate
  const declineRate = options.declineRate ?? (successRate === undefined ? 0 : rest - successRate)
  const success = successRate ?? rest - declineRate
  const given = { successRate: success, transientRate, declineRate, unknownRate }
  // A sum that is off by a rounding error is fine.
  for (const [rate, value] of Object.entries(given))
    if (!(value >= -1e-9 && value <= 1 + 1e-9))
      throw invalid(`${rate} must be between 0 and 1 and all rates together 1, got ${value}`)
  const sum = success + transientRate + declineRate + unknownRate
  if (Math.abs(sum - 1) > 1e-9) throw invalid(`all rates together must be 1, got ${sum}`)
  return [
    ['transient', transientRate],
    ['unknown_after_charge', unknownRate / 2],
    ['unknown_before_charge', unknownRate / 2],
    ['soft_decline', declineRate / 2],
    ['hard_decline', declineRate / 2],
  ]
}

function invalid(message: string): PaymentsError {
  return new PaymentsError('INVALID_OPTIONS', message)
}

function pick(rates: Rates, point: number): SimulatedBehaviour {
  let sum = 0
  for (const [behaviour, rate] of rates) if (point < (sum += rate)) return behaviour
  return 'succeed'
}

function isSame(one: ChargeRequest, other: ChargeRequest): boolean {
  return one.amount === other.amount && one.currency === other.currency && one.paymentId === other.paymentId
}

/** Waits for a while; resolves with false when the signal aborts first. */
async function wait(delayMs: number, signal: AbortSignal): Promise<boolean> {
  if (delayMs === 0) return true
  await pause(delayMs, signal)
  return !signal.aborted
}
