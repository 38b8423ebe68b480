import { pause } from '@titan/queue-core/async'
import type {
  ChargeOutcome,
  ChargeRequest,
  Gateway,
  GatewayMode,
  LookupAnswer,
  MovementRequest,
} from '../gateway.ts'
import { listSimulated } from './list.ts'
import type { SimulatedBehaviour, SimulatedRates } from './rates.ts'
import {
  SimulatedServer,
  type Reply,
  type SimulatedAnswer,
  type SimulatedCharge,
  type SimulatedRefund,
} from './server.ts'

export interface SimulatedGatewayOptions extends SimulatedRates {
  /** Time until an answer, in milliseconds. @default 100 */
  readonly delayMs?: number | undefined
  /** The same seed yields the same behaviour for the same keys, in any order. @default 1 */
  readonly seed?: number | undefined
  /** How long a key is remembered, in milliseconds. @default 86400000, a day */
  readonly keyTtlMs?: number | undefined
  /**
   * Decides instead of the rates, except where it returns undefined. `send` counts the requests under a key, from 1.
   * @default none
   */
  readonly script?: ((request: ChargeRequest, send: number) => SimulatedBehaviour | undefined) | undefined
  /** The same for captures, voids and refunds. @default none */
  readonly moveScript?:
    | ((request: MovementRequest, send: number) => SimulatedBehaviour | undefined)
    | undefined
  /**
   * File that keeps the ledger, in the format of the gateway simulator, and is read again after a restart. Processes may
   * share it. @default none: what is remembered is lost with the process
   */
  readonly ledgerFile?: string | undefined
  /** @default 'simulated' */
  readonly name?: string | undefined
  /** @default 'test' */
  readonly mode?: GatewayMode | undefined
}

/** A gateway in this process, with its own ledger and idempotency keys. */
export interface SimulatedGateway extends Gateway {
  /** The latest charges that moved money, in order: at least 100,000. */
  readonly ledger: readonly SimulatedCharge[]
  /** The latest refunds, in the same way. */
  readonly refunds: readonly SimulatedRefund[]
  /** The latest requests for charges, in order, repeats included: at least 100,000. */
  readonly requests: readonly ChargeRequest[]
  /** The latest requests for captures, voids and refunds, in the same way. */
  readonly moves: readonly MovementRequest[]
  /** Requests under a known key with other parameters; must stay 0. */
  readonly mismatches: number
  /**
   * Answers the question to the customer of the charge under this key, or decides the undecided refund under it; false
   * when nothing of that key waits.
   */
  answer(gatewayKey: string, answer: SimulatedAnswer): boolean
}

const DAY_MS = 86_400_000
const GIVEN_UP = 'given up while waiting for the answer'

/**
 * Behaves like a gateway with idempotency keys: the first request under a key is decided and stored, a repeat gets the
 * stored answer. What happens depends on seed, key and number of the send only, never on timing. A payment method whose
 * name contains `threeDSecure` asks the customer who is present.
 *
 * @throws {PaymentsError} `INVALID_OPTIONS` for rates that are no shares
 */
export function createSimulatedGateway(options: SimulatedGatewayOptions = {}): SimulatedGateway {
  const { delayMs = 100, keyTtlMs = DAY_MS, name = 'simulated', mode = 'test' } = options
  const server = new SimulatedServer({ ...options, keyTtlMs })

  /** The server continues whether or not the client still waits. */
  async function send(signal: AbortSignal, receive: () => Reply): Promise<ChargeOutcome> {
    if (signal.aborted) return { type: 'NOT_SENT', reason: 'given up before sending' }
    const reply = receive()
    if (!(await wait(reply === 'HANG' ? Infinity : delayMs, signal)))
      return { type: 'UNKNOWN', reason: GIVEN_UP }
    return typeof reply === 'string' ? { type: 'UNKNOWN', reason: 'ECONNRESET (simulated)' } : reply
  }

  async function ask(signal: AbortSignal, find: () => ChargeOutcome | undefined): Promise<LookupAnswer> {
    if (!(await wait(delayMs, signal))) return { type: 'FAILED_TO_ASK', reason: GIVEN_UP }
    const outcome = find()
    return outcome === undefined ? { type: 'NOT_FOUND' } : { type: 'FOUND', outcome }
  }

  return {
    name,
    mode,
    keyTtlMs,
    ledger: server.ledger,
    refunds: server.refunds,
    requests: server.requests,
    moves: server.moves,
    get mismatches() {
      return server.mismatches
    },
    answer: (gatewayKey, answer) => server.answer(gatewayKey, answer),
    charge: (request, { signal }) => send(signal, () => server.receive(request)),
    move: (request, { signal }) => send(signal, () => server.receiveMove(request)),
    lookup: ({ gatewayKey }, { signal }) => ask(signal, () => server.find(gatewayKey)),
    abandon: ({ gatewayKey }, { signal }) => ask(signal, () => server.abandon(gatewayKey)),
    close: async () => server.close(),
    list: async (request, { signal }) => {
      if (!(await wait(delayMs, signal))) throw new Error(GIVEN_UP)
      return listSimulated(server, request)
    },
  }
}

/** Waits for a while; resolves with false when the signal aborts first. */
async function wait(delayMs: number, signal: AbortSignal): Promise<boolean> {
  if (delayMs === 0) return true
  await pause(delayMs, signal)
  return !signal.aborted
}
