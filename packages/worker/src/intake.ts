import type { CircuitStatus, Gateways } from '@titan/payments'
import { startLoop, type Loop } from '@titan/queue-core/async'
import { answersInTime, type Log } from '@titan/service'

/** How much a worker may claim: `one` job finds out whether the gateway has recovered. */
export type Allowance = 'all' | 'one' | 'none'

/** Options of {@link Intake}. */
export interface IntakeOptions {
  /** Rejects when PostgreSQL does not respond, or takes no writes. */
  readonly ping: () => Promise<unknown>
  readonly gateways: Pick<Gateways, 'names' | 'get' | 'hasAccounts'>
  readonly log: Log
  /** Sets how much the workers claim: of payments, and of what needs PostgreSQL alone. */
  readonly limit: (payments: Allowance, others: Allowance) => void
}

/** A circuit breaker's, or `away`: PostgreSQL does not take our writes. */
type State = CircuitStatus | 'away'
/** From the state in which most is claimed. */
const STATES = ['closed', 'probing', 'open', 'away'] as const

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

const STOPPING = 'the worker stops'

/**
 * Decides how much the workers of a process claim. A worker that cannot reach PostgreSQL or any of its gateways would keep
 * jobs from other workers, which may reach both: while PostgreSQL does not take its writes, or each circuit breaker is
 * open, it claims nothing. Jobs that still wait for a gateway are returned when its circuit breaker opens.
 */
export class Intake {
  readonly #options: IntakeOptions
  /** Those of accounts' places are added when a job waits there. */
  readonly #waits: Map<string, Wait>
  #isStopped = false
  #loops: readonly Loop[] = []
  #isConnected = true
  #state: State = 'closed'

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#waits = new Map(options.gateways.names.map((name) => [name, new Wait()]))
  }

  /** Returns the signal that aborts when jobs that still wait for this gateway are to be returned. */
  signalOf(gateway: string): AbortSignal {
    let wait = this.#waits.get(gateway)
    if (wait === undefined) {
      wait = new Wait(this.#stateOf(gateway))
      this.#waits.set(gateway, wait)
      if (this.#isStopped) wait.end(STOPPING)
    }
    return wait.signal
  }

  /** Begins to watch. */
  start(): void {
    const { ping, log } = this.#options
    const onError = (error: unknown): void =>
      log.error('claiming.unlimited', 'claiming not limited', { error })
    const asking = startLoop(async () => {
      this.#isConnected = await answersInTime(ping)
      this.#apply()
      return this.#isConnected ? ASK_EVERY_MS : ASK_AGAIN_MS
    }, onError)
    this.#loops = [asking]
    if (!this.#hasCircuit()) return
    const looking = startLoop(() => {
      this.#apply()
      return Promise.resolve(LOOK_EVERY_MS)
    }, onError)
    this.#loops = [asking, looking]
  }

  /** Returns the jobs that wait, and watches no longer. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const wait of this.#waits.values()) wait.end(STOPPING)
    await Promise.all(this.#loops.map((loop) => loop.stop()))
  }

  #hasCircuit(): boolean {
    const { gateways } = this.#options
    return gateways.names.some((name) => gateways.get(name)?.circuit !== undefined)
  }

  #stateOf(gateway: string): State {
    return this.#isConnected ? (this.#options.gateways.get(gateway)?.circuit ?? 'closed') : 'away'
  }

  #apply(): void {
    for (const [gateway, wait] of this.#waits) this.#noteState(gateway, wait, this.#stateOf(gateway))
    const state = this.#stateOfAll()
    if (state === this.#state) return
    const { limit, log } = this.#options
    const [before, reason] = [REASONS[this.#state], REASONS[state]]
    this.#state = state
    if (reason === undefined) log.info('claiming.resumed', 'claiming resumed')
    else if (reason !== before) log.warn('claiming.paused', 'claiming paused', { reason })
    limit(ALLOWANCES[state], state === 'away' ? 'none' : 'all')
    if (ALLOWANCES[state] === 'none')
      for (const wait of this.#waits.values()) wait.restart('the worker cannot work at present')
  }

  /** An account's own gateway may work while that of the program does not: jobs that wait for one return by themselves. */
  #stateOfAll(): State {
    const { names, hasAccounts } = this.#options.gateways
    if (hasAccounts === true) return this.#isConnected ? 'closed' : 'away'
    const states = names.map((name) => this.#stateOf(name))
    return STATES.find((one) => states.includes(one)) ?? 'closed'
  }

  /** Of a single gateway the claims say all. */
  #noteState(gateway: string, wait: Wait, state: State): void {
    const before = wait.state
    if (state === before) return
    wait.state = state
    if (this.#waits.size === 1 || state === 'away' || before === 'away') return
    const { log } = this.#options
    if (state === 'closed') log.info('gateway.resumed', 'gateway available again', { gateway })
    else if (before === 'closed')
      log.warn('gateway.paused', 'gateway unavailable, its payments wait', { gateway })
    if (state === 'open') wait.restart('the gateway takes nothing at present')
  }
}

/** The jobs that wait for one gateway. */
class Wait {
  state: State
  #controller = new AbortController()

  constructor(state: State = 'closed') {
    this.state = state
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Returns the jobs that wait, and those that follow as well. */
  end(reason: string): void {
    this.#controller.abort(new Error(reason))
  }

  /** Returns the jobs that wait; after the end nothing waits again. */
  restart(reason: string): void {
    if (this.signal.aborted) return
    this.end(reason)
    this.#controller = new AbortController()
  }
}
