import type { CircuitStatus, Gateway } from '@titan/payments'
import { startLoop, type Loop } from '@titan/queue-core/async'
import { answersInTime, type Log } from '@titan/service'

/** How much a worker may claim: `one` job finds out whether the gateway has recovered. */
export type Allowance = 'all' | 'one' | 'none'

/** Options of {@link Intake}. */
export interface IntakeOptions {
  /** Rejects when PostgreSQL does not respond, or takes no writes. */
  readonly ping: () => Promise<unknown>
  readonly gateway: Pick<Gateway, 'circuit'>
  readonly log: Log
  /** Sets how much the workers claim: of payments, and of what needs PostgreSQL alone. */
  readonly limit: (payments: Allowance, others: Allowance) => void
}

/** The circuit breaker's, or `away`: PostgreSQL does not take our writes. */
type State = CircuitStatus | 'away'

const ALLOWANCES: Readonly<Record<State, Allowance>> = {
  closed: 'all',
  probing: 'one',
  open: 'none',
  away: 'none',
}
/** What a worker that claims less lacks. */
const REASONS: Readonly<Record<State, string | undefined>> = {
  closed: undefined,
  probing: 'gateway',
  open: 'gateway',
  away: 'postgres',
}

/** Pause before PostgreSQL is asked again, and while it is away, in milliseconds. */
const ASK_EVERY_MS = 1_000
const ASK_AGAIN_MS = 500
/** How often the state of the circuit breaker is read, in milliseconds. */
const LOOK_EVERY_MS = 100

/**
 * Decides how much the workers of a process claim. A worker that cannot reach PostgreSQL or its gateway would keep jobs
 * from other workers, which may reach both: while PostgreSQL does not take its writes, or its circuit breaker is open, it
 * claims nothing, and returns the jobs that still wait for the gateway.
 */
export class Intake {
  readonly #options: IntakeOptions
  #loops: readonly Loop[] = []
  #isConnected = true
  #state: State = 'closed'
  #closing = new AbortController()

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /** The signal that aborts when jobs that still wait for the gateway are to be returned. */
  get signal(): AbortSignal {
    return this.#closing.signal
  }

  /** Begins to watch. */
  start(): void {
    const { ping, gateway, log } = this.#options
    const onError = (error: unknown): void =>
      log.error('claiming.unlimited', 'claiming not limited', { error })
    const asking = startLoop(async () => {
      this.#isConnected = await answersInTime(ping)
      this.#apply()
      return this.#isConnected ? ASK_EVERY_MS : ASK_AGAIN_MS
    }, onError)
    this.#loops = [asking]
    if (gateway.circuit === undefined) return
    const looking = startLoop(() => {
      this.#apply()
      return Promise.resolve(LOOK_EVERY_MS)
    }, onError)
    this.#loops = [asking, looking]
  }

  /** Returns the jobs that wait, and watches no longer. */
  async stop(): Promise<void> {
    this.#closing.abort(new Error('the worker stops'))
    await Promise.all(this.#loops.map((loop) => loop.stop()))
  }

  #apply(): void {
    const { gateway, limit, log } = this.#options
    const state = this.#isConnected ? (gateway.circuit ?? 'closed') : 'away'
    if (state === this.#state) return
    const [before, reason] = [REASONS[this.#state], REASONS[state]]
    this.#state = state
    if (reason === undefined) log.info('claiming.resumed', 'claiming resumed')
    else if (reason !== before) log.warn('claiming.paused', 'claiming paused', { reason })
    const allowance = ALLOWANCES[state]
    limit(allowance, state === 'away' ? 'none' : 'all')
    if (allowance === 'none' && !this.#closing.signal.aborted) {
      this.#closing.abort(new Error('the worker cannot work at present'))
      this.#closing = new AbortController()
    }
  }
}
