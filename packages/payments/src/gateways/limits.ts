import type { Admission, ChargeOutcome, Gateway, LookupAnswer } from './gateway.ts'
import { createBell } from './bell.ts'
import { createCircuit, type Circuit, type CircuitStatus, type Pass } from './circuit.ts'
import { resolveLimits, type GatewayLimits } from './limit-options.ts'
import { createPace } from './pace.ts'
import { createSlots } from './slots.ts'

/** A gateway behind a circuit breaker, a limit on conversations and a limit on requests. */
export interface LimitedGateway extends Gateway {
  /** Whether a request would be let through just now. */
  readonly available: boolean
  readonly circuit: CircuitStatus
  admit(options: { readonly signal: AbortSignal }): Promise<Admission>
  /** Calls back whenever the circuit opens, probes or closes; answers how to stop. */
  onCircuit(listener: (status: CircuitStatus) => void): () => void
}

/** A gateway that says 429 without saying for how long is left alone for this long, in milliseconds. */
const PAUSE_MS = 1_000
/** The longest time that it is left alone whatever it says, in milliseconds. */
const MAX_PAUSE_MS = 60_000

/**
 * Puts limits around a gateway. A call that has no room is answered `NOT_SENT` and `throttled`: nothing was sent, and no
 * retry is used up. Workers ask with `admit` before they take work, and then do not meet the limits at all.
 *
 * The breaker counts what says that the gateway is ill (no connection, no answer, an answer that cannot be read, our
 * credentials refused), never a decline.
 *
 * @throws {PaymentsError} `INVALID_OPTIONS`
 */
export function limitGateway(gateway: Gateway, limits: GatewayLimits): LimitedGateway {
  const { maxConcurrent, ratePerSecond, breaker } = resolveLimits(limits)
  const listeners = new Set<(status: CircuitStatus) => void>()
  const bell = createBell()
  const closing = new AbortController()
  const slots = createSlots(maxConcurrent)
  const pace = createPace(ratePerSecond, bell)
  const onStatus = (status: CircuitStatus): void => listeners.forEach((listener) => listener(status))
  const circuit: Circuit | undefined = breaker && createCircuit({ ...breaker, isFault, bell, onStatus })

  async function admit({ signal }: { readonly signal: AbortSignal }): Promise<Admission> {
    const either = AbortSignal.any([signal, closing.signal])
    const giveBack = await slots.take(either)
    let pass: Pass | undefined
    try {
      pass = await circuit?.enter(either)
      await pace.take(either)
    } catch (error) {
      pass?.leave()
      giveBack()
      throw error
    }
    return {
      gateway: viewOf(admittedTaker()),
      release() {
        pass?.leave()
        giveBack()
      },
    }
  }

  /** The first request was counted with the admission; a further one waits for its turn. */
  function admittedTaker(): Take {
    let hasToken = true
    return async (signal) => {
      if (!hasToken) await pace.take(signal)
      hasToken = false
      return () => {}
    }
  }

  /** Without an admission there is no waiting. */
  const takeAtOnce: Take = async () => {
    const giveBack = slots.tryTake()
    if (giveBack === undefined) return { reason: 'as many conversations as allowed', retryAfterMs: PAUSE_MS }
    if (circuit === undefined || circuit.waitMs() === 0) {
      if (pace.tryTake()) return giveBack
      giveBack()
      return { reason: 'as many requests as allowed', retryAfterMs: pace.waitMs() }
    }
    giveBack()
    return CIRCUIT_OPEN
  }

  /** Runs one request within the limits, or answers why not. */
  async function run<Value>(
    take: Take,
    signal: AbortSignal,
    call: () => Promise<Value>,
  ): Promise<Value | Refusal> {
    const taken = await take(signal)
    if (typeof taken !== 'function') return taken
    try {
      return circuit === undefined ? await call() : ((await circuit.run(call)) ?? CIRCUIT_OPEN)
    } finally {
      taken()
    }
  }

  function refuse({ reason, retryAfterMs }: Refusal): ChargeOutcome {
    const waitMs = Math.ceil(retryAfterMs ?? Math.max(PAUSE_MS, circuit?.waitMs() ?? 0))
    return { type: 'NOT_SENT', fault: 'throttled', reason: `not sent: ${reason}`, retryAfterMs: waitMs }
  }

  function viewOf(take: Take): Gateway {
    const { lookup } = gateway
    return {
      ...gateway,
      async charge(request, options) {
        const outcome = await run(take, options.signal, () => gateway.charge(request, options))
        if (!('type' in outcome)) return refuse(outcome)
        if (outcome.type === 'NOT_SENT' && outcome.fault === 'throttled')
          pace.pause(Math.min(MAX_PAUSE_MS, outcome.retryAfterMs ?? PAUSE_MS))
        return outcome
      },
      ...(lookup !== undefined && {
        async lookup(request, options): Promise<LookupAnswer> {
          const answer = await run(take, options.signal, () => lookup(request, options))
          return 'type' in answer ? answer : { type: 'FAILED_TO_ASK', reason: `not asked: ${answer.reason}` }
        },
      }),
    }
  }

  return {
    ...viewOf(takeAtOnce),
    admit,
    get available() {
      return slots.free > 0 && (circuit?.status ?? 'closed') === 'closed' && pace.waitMs() === 0
    },
    get circuit() {
      return circuit?.status ?? 'closed'
    },
    onCircuit(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async close() {
      closing.abort(new Error('the gateway is closed'))
      await gateway.close?.()
    },
  }
}

/** Why a request was not sent. */
interface Refusal {
  readonly reason: string
  readonly retryAfterMs?: number
}

/** Makes room for one request: how to give it back, or why there is none. */
type Take = (signal: AbortSignal) => Promise<(() => void) | Refusal>

const CIRCUIT_OPEN: Refusal = { reason: 'the circuit breaker is open' }

/** Whether an answer says that the gateway is ill, or our access to it. */
function isFault(result: unknown): boolean {
  const answer = result as ChargeOutcome | LookupAnswer
  switch (answer.type) {
    case 'UNKNOWN':
    case 'FAILED_TO_ASK':
      return true
    case 'NOT_SENT':
      return answer.fault !== 'throttled'
    case 'REJECTED':
      return answer.fault === 'config'
    case 'SUCCEEDED':
    case 'DECLINED':
    case 'PENDING':
    case 'FOUND':
    case 'NOT_FOUND':
      return false
  }
}
