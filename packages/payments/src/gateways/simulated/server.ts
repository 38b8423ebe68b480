import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { declineKindOf } from '../../domain/declines.ts'
import type { ChargeOutcome, ChargeRequest, MovementRequest } from '../gateway.ts'
import { fingerprintOf, type AnyRequest } from './ledger-file.ts'
import { REMEMBERED, SimulatedMemory, type MemoryOptions, type Stored } from './memory.ts'
import { pick, resolveRates, type Rates, type SimulatedBehaviour, type SimulatedRates } from './rates.ts'

/** One charge in the ledger of the gateway, by which tests judge where money moved. */
export interface SimulatedCharge {
  readonly id: string
  readonly gatewayKey: string
  readonly paymentId: string
  readonly amount: number
  readonly currency: string
}

/** One refund in the ledger of the gateway. */
export interface SimulatedRefund extends SimulatedCharge {
  readonly movementId: string
  readonly chargeId: string
  /** Epoch milliseconds. */
  readonly at: number
}

/** How a question ends: the customer consents or refuses, the gateway refunds or does not. */
export type SimulatedAnswer = 'succeed' | 'decline'

/** `LOST` is an answer that never arrives, `HANG` a connection that stays open without one. */
export type Reply = ChargeOutcome | 'LOST' | 'HANG'

interface ServerOptions extends SimulatedRates, MemoryOptions {
  readonly seed?: number | undefined
  readonly script?: ((request: ChargeRequest, send: number) => SimulatedBehaviour | undefined) | undefined
  readonly moveScript?:
    | ((request: MovementRequest, send: number) => SimulatedBehaviour | undefined)
    | undefined
}

/** How the server handles requests of one sort. */
interface Handling<Request> {
  readonly decide: (request: Request, send: number) => SimulatedBehaviour
  readonly act: (request: Request) => ChargeOutcome
  readonly decline: (request: Request, kind: 'soft' | 'hard') => ChargeOutcome
}

/** What has become of a charge; its amount is the authorized one. */
export interface Intent extends SimulatedCharge {
  readonly isManual: boolean
  /** Epoch milliseconds. */
  readonly madeAt: number
  status: 'questioned' | 'authorized' | 'charged' | 'canceled'
  captured: number
  refunded: number
}

const SOFT_CODES = ['insufficient_funds', 'issuer_not_available', 'try_again_later'] as const
const HARD_CODES = ['stolen_card', 'expired_card', 'account_closed', 'card_not_supported'] as const
const AUTHORIZED_FOR_MS = 7 * 86_400_000

/** The other end of the line: decides, moves money, and remembers keys. */
export class SimulatedServer {
  readonly ledger: SimulatedCharge[] = []
  readonly refunds: SimulatedRefund[] = []
  readonly requests: ChargeRequest[] = []
  readonly moves: MovementRequest[] = []
  mismatches = 0
  readonly #options: ServerOptions
  readonly #rates: Rates
  readonly #charges: Handling<ChargeRequest> = {
    decide: (request, send) => this.#options.script?.(request, send) ?? this.#pick(request, send),
    act: (request) => this.#charge(request),
    decline: (request, kind) => this.#decline(request, kind === 'soft' ? SOFT_CODES : HARD_CODES),
  }
  /** The rates of declines are those of charges alone. */
  readonly #movements: Handling<MovementRequest> = {
    decide: (request, send) => {
      const picked = this.#pick(request, send)
      const byRates = picked === 'soft_decline' || picked === 'hard_decline' ? 'succeed' : picked
      return this.#options.moveScript?.(request, send) ?? byRates
    },
    act: (request) => this.#move(request),
    decline: (request, kind) => {
      const code = kind === 'soft' ? 'insufficient_funds' : `${request.kind}_refused`
      return { type: 'DECLINED', code, kind }
    },
  }
  readonly #memory: SimulatedMemory

  constructor(options: ServerOptions) {
    this.#options = options
    this.#memory = new SimulatedMemory(options)
    this.#rates = resolveRates(options)
  }

  /** Processes a charge at the time it arrives. */
  receive(request: ChargeRequest): Reply {
    append(this.requests, request)
    return this.#memory.carryOut(this, request, () => this.#receive(request, this.#charges))
  }

  /** Processes a capture, void or refund at the time it arrives. */
  receiveMove(request: MovementRequest): Reply {
    append(this.moves, request)
    return this.#memory.carryOut(this, request, () => this.#receive(request, this.#movements))
  }

  /** Finds what became of the requests under a key; money that moved comes first. */
  find(gatewayKey: string): ChargeOutcome | undefined {
    this.#memory.catchUp()
    const intent = this.#memory.intents.get(gatewayKey)
    if (intent !== undefined) return outcomeOf(intent)
    return this.#memory.moved.get(gatewayKey) ?? this.#memory.stored.get(gatewayKey)?.outcome
  }

  /** Cancels a charge that has moved no money, and says what is true then. */
  abandon(gatewayKey: string): ChargeOutcome | undefined {
    return this.#memory.keep(this, { gatewayKey }, () => {
      const intent = this.#memory.intents.get(gatewayKey)
      if (intent !== undefined && intent.status !== 'charged') intent.status = 'canceled'
      return this.find(gatewayKey)
    })
  }

  close(): void {
    this.#memory.close()
  }

  /** The charges that are remembered, whatever became of them. */
  intents(): Iterable<Intent> {
    return this.#memory.intents.values()
  }

  answer(gatewayKey: string, answer: SimulatedAnswer): boolean {
    return this.#memory.keep(this, { gatewayKey }, () => this.#answer(gatewayKey, answer))
  }

  #answer(gatewayKey: string, answer: SimulatedAnswer): boolean {
    const intent = this.#memory.intents.get(gatewayKey)
    if (intent?.status === 'questioned') {
      if (answer === 'decline') intent.status = 'canceled'
      else this.#confirm(intent)
      return true
    }
    const stored = this.#memory.stored.get(gatewayKey)
    const request = stored?.request
    if (stored?.outcome.type !== 'PENDING' || this.#memory.moved.has(gatewayKey)) return false
    if (request === undefined || !('kind' in request)) return false
    const refused = { type: 'DECLINED', code: 'refund_refused', kind: 'hard' } as const
    this.#memory.moved.set(gatewayKey, answer === 'succeed' ? this.#move(request) : refused)
    return true
  }

  #receive<Request extends AnyRequest>(request: Request, handling: Handling<Request>): Reply {
    const { gatewayKey } = request
    const send = (this.#memory.sends.get(gatewayKey) ?? 0) + 1
    this.#memory.sends.set(gatewayKey, send)
    const known = this.#memory.recall(gatewayKey)
    if (known === undefined) return this.#behave(handling.decide(request, send), request, handling)
    if (isSameRequest(known, request)) return known.outcome
    this.mismatches++
    return { type: 'UNKNOWN', reason: 'the key was used with other parameters' }
  }

  #behave<Request extends AnyRequest>(
    behaviour: SimulatedBehaviour,
    request: Request,
    { act, decline }: Handling<Request>,
  ): Reply {
    switch (behaviour) {
      case 'transient':
        return { type: 'NOT_SENT', reason: 'ECONNREFUSED (simulated)' }
      case 'succeed':
        return this.#store(request, act(request))
      case 'soft_decline':
        return this.#store(request, decline(request, 'soft'))
      case 'hard_decline':
        return this.#store(request, decline(request, 'hard'))
      case 'wrong_amount':
        return this.#store(request, act({ ...request, amount: request.amount + 1 }))
      case 'unknown_before_charge':
        return 'LOST'
      case 'unknown_after_charge':
        this.#store(request, act(request))
        return 'LOST'
      case 'hang':
        this.#store(request, act(request))
        return 'HANG'
      case 'pending':
        this.#memory.moved.set(request.gatewayKey, act(request))
        return this.#store(request, this.#pending(request))
      case 'undecided':
        return this.#store(request, this.#pending(request))
    }
  }

  #pending({ gatewayKey }: AnyRequest): ChargeOutcome {
    return { type: 'PENDING', gatewayRef: this.#idOf(gatewayKey) }
  }

  #charge({ gatewayKey, paymentId, amount, currency, ...request }: ChargeRequest): ChargeOutcome {
    const isAsked = request.paymentMethod?.includes('threeDSecure') === true
    if (isAsked && request.customerPresent !== true)
      return { type: 'DECLINED', code: 'authentication_required', kind: 'hard' }
    const intent: Intent = {
      id: this.#idOf(gatewayKey),
      gatewayKey,
      paymentId,
      amount,
      currency,
      isManual: request.capture === 'manual',
      madeAt: Date.now(),
      status: 'questioned',
      captured: 0,
      refunded: 0,
    }
    if (!this.#memory.intents.has(gatewayKey)) this.#memory.intents.set(gatewayKey, intent)
    return isAsked ? outcomeOf(intent) : this.#confirm(intent)
  }

  #confirm(intent: Intent): ChargeOutcome {
    if (intent.isManual) intent.status = 'authorized'
    else this.#capture(intent, intent.amount)
    return outcomeOf(intent)
  }

  #capture(intent: Intent, amount: number): void {
    const { id, gatewayKey, paymentId, currency } = intent
    append(this.ledger, { id, gatewayKey, paymentId, amount, currency })
    intent.status = 'charged'
    intent.captured = amount
  }

  /** A charge of another process is not known here, and believed. */
  #move(request: MovementRequest): ChargeOutcome {
    const intent = this.#memory.intents.get(request.chargeKey)
    const refusal = intent && refusalOf(intent, request)
    if (refusal !== undefined) return { type: 'DECLINED', code: refusal, kind: 'hard' }
    const { kind, movementId, paymentId, gatewayKey, amount, currency, chargeRef } = request
    if (kind === 'refund') {
      const id = this.#idOf(gatewayKey)
      const refund = { id, gatewayKey, movementId, paymentId, chargeId: chargeRef, amount, currency }
      append(this.refunds, { ...refund, at: Date.now() })
      if (intent !== undefined) intent.refunded += amount
      return { type: 'SUCCEEDED', gatewayRef: id, amount, currency }
    }
    if (intent !== undefined && kind === 'capture') this.#capture(intent, amount)
    if (intent !== undefined && kind === 'void') intent.status = 'canceled'
    return { type: 'SUCCEEDED', gatewayRef: chargeRef, amount, currency }
  }

  #pick({ gatewayKey }: AnyRequest, send: number): SimulatedBehaviour {
    return pick(this.#rates, this.#random(`${gatewayKey} ${send}`))
  }

  #idOf(gatewayKey: string): string {
    return `sim_${this.#hash(gatewayKey).toString('hex').slice(0, 24)}`
  }

  #decline({ gatewayKey }: ChargeRequest, codes: readonly string[]): ChargeOutcome {
    const code = codes[Math.floor(this.#random(`${gatewayKey} code`) * codes.length)] ?? 'generic_decline'
    return { type: 'DECLINED', code, kind: declineKindOf(code) }
  }

  #store(request: AnyRequest, outcome: ChargeOutcome): ChargeOutcome {
    this.#memory.stored.set(request.gatewayKey, { request, outcome, storedAt: performance.now() })
    return outcome
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

function isSameRequest({ request, fingerprint }: Stored, other: AnyRequest): boolean {
  return request === undefined ? fingerprint === fingerprintOf(other) : isDeepStrictEqual(request, other)
}

function outcomeOf(intent: Intent): ChargeOutcome {
  const { id: gatewayRef, amount, currency, captured } = intent
  switch (intent.status) {
    case 'charged':
      return { type: 'SUCCEEDED', gatewayRef, amount: captured, currency }
    case 'authorized':
      return {
        type: 'AUTHORIZED',
        gatewayRef,
        amount,
        currency,
        expiresAt: new Date(intent.madeAt + AUTHORIZED_FOR_MS),
      }
    case 'questioned': {
      // Nobody is at that address: RFC 2606 reserves the name.
      const nextAction = { type: 'redirect', url: `https://simulated.invalid/${gatewayRef}` } as const
      return { type: 'REQUIRES_ACTION', gatewayRef, nextAction, expiresAt: null }
    }
    case 'canceled':
      return { type: 'DECLINED', code: 'canceled', kind: 'hard', gatewayRef }
  }
}

function refusalOf(intent: Intent, { kind, amount }: MovementRequest): string | undefined {
  const { status, captured, refunded } = intent
  if (kind === 'refund') {
    if (status !== 'charged') return 'charge_not_captured'
    return refunded + amount > captured ? 'refund_exceeds_charge' : undefined
  }
  if (status !== 'authorized') return `charge_is_${status}`
  return amount > intent.amount ? 'capture_exceeds_authorization' : undefined
}

function append<Item>(list: Item[], item: Item): void {
  if (list.push(item) === 2 * REMEMBERED) list.splice(0, REMEMBERED)
}
