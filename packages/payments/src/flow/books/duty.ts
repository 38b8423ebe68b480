import { startLoop, type Loop } from '@titan/queue-core/async'
import { isInstance } from '@titan/queue-core/text-of'
import { PaymentsError } from '../../domain/errors.ts'
import type { OnPaymentsEvent } from '../../domain/events.ts'
import type { RetryPolicy } from '../../domain/retry-policy.ts'
import type { Gateway } from '../../gateways/gateway.ts'
import type { Gateways } from '../../gateways/gateways.ts'
import type { PaymentStore } from '../../store/store.ts'
import { compareBooks, SETTLE_MS } from './compare.ts'

export interface BooksDutyOptions {
  readonly store: PaymentStore
  readonly gateways: Pick<Gateways, 'names' | 'places' | 'get'>
  /** Shown as the holder of a comparison. */
  readonly owner: string
  readonly policy?: Partial<RetryPolicy> | undefined
  /** Milliseconds between two comparisons with a gateway. @default 3600000 */
  readonly intervalMs?: number | undefined
  /** Age from which records are judged, in milliseconds. @default 600000 */
  readonly settleMs?: number | undefined
  /** Milliseconds between two looks at what is due. @default 60000 */
  readonly lookEveryMs?: number | undefined
  /** Pause before each call to the gateway, in milliseconds. @default 250 */
  readonly pauseMs?: number | undefined
  /** @default none */
  readonly onEvent?: OnPaymentsEvent | undefined
}

/** How long a comparison stays claimed without progress, in milliseconds. */
const LEASE_MS = 900_000
const DAY_MS = 86_400_000
/** Longest run of a later pass, in milliseconds, because first looks may be due: the next one continues from its mark. */
const LONGEST_LATER_MS = 600_000

/** A comparison of records of one age. */
interface Pass {
  /** Keeps its marks apart: no account has such an id. */
  readonly mark: string
  readonly intervalMs: number
  readonly settleMs: number
}

/**
 * Records change after the first look: an authorization ends within days, and a bank may return a refund up to 30 days later
 * (docs.stripe.com/refunds). Each pass reads each record once, whatever its age.
 */
const LATER_PASSES: readonly Pass[] = [7, 35].map((days) => ({
  mark: `+${days}d`,
  intervalMs: DAY_MS,
  settleMs: days * DAY_MS,
}))

/**
 * Compares the books of each gateway and place that can list them: soon after each record was made, and again when it is one
 * and five weeks old. One program of the fleet does it at a time, and continues where the last comparison ended. A gateway
 * without a list costs no statement.
 */
export class BooksDuty {
  readonly #options: BooksDutyOptions
  readonly #stopping = new AbortController()
  #loop: Loop | undefined

  constructor(options: BooksDutyOptions) {
    this.#options = options
  }

  start(): void {
    const { gateways, lookEveryMs = 60_000, onEvent = () => {} } = this.#options
    if (this.#loop !== undefined || gateways.names.every((name) => gateways.get(name)?.list === undefined))
      return
    const about = (): number => lookEveryMs * (0.75 + 0.25 * Math.random())
    const run = async (): Promise<number> => {
      await this.runOnce()
      return about()
    }
    const options = { firstDelayMs: about(), errorDelayMs: about, wakesAfterError: false }
    this.#loop = startLoop(run, (error) => onEvent({ type: 'error', source: 'books', error }), options)
  }

  /** Gives up what is under way: another program continues from the last mark. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the worker stops'))
    await this.#loop?.stop()
  }

  /** Compares what is due. A gateway that cannot be asked holds up no other one. */
  async runOnce(): Promise<void> {
    const { gateways, intervalMs = 3_600_000, settleMs = SETTLE_MS } = this.#options
    const first = { mark: 'default', intervalMs, settleMs }
    for (const pass of [first, ...LATER_PASSES])
      for (const name of [...gateways.names, ...(gateways.places ?? [])]) {
        const gateway = gateways.get(name)
        if (gateway?.list !== undefined) await this.#tryCompare(gateway, pass)
      }
  }

  async #tryCompare(gateway: Gateway, pass: Pass): Promise<void> {
    const { onEvent = () => {} } = this.#options
    if (this.#stopping.signal.aborted) return
    try {
      await this.#compare(gateway, pass)
    } catch (error) {
      if (!this.#stopping.signal.aborted) onEvent({ type: 'error', source: 'books', error })
    }
  }

  async #compare(gateway: Gateway, { mark, intervalMs, settleMs }: Pass): Promise<void> {
    const { store, owner, policy, pauseMs = 250, onEvent = () => {} } = this.#options
    const mine = { gateway: gateway.name, account: mark, owner }
    const endsAt = mark === 'default' ? Infinity : performance.now() + LONGEST_LATER_MS
    const due = await store.claimComparison(mine, { leaseMs: LEASE_MS, intervalMs, settleMs })
    if (due === undefined) return
    let heldMs = 0
    try {
      const report = await compareBooks({
        store,
        gateway,
        ...due,
        policy,
        pauseMs,
        signal: this.#stopping.signal,
        onProgress: async (doneUntil) =>
          (await store.advanceComparison(mine, { doneUntil, leaseMs: LEASE_MS })) &&
          performance.now() < endsAt,
      })
      onEvent({ type: 'books_compared', report })
    } catch (error) {
      // At the next look it would record as many again.
      if (isInstance(error, PaymentsError) && error.code === 'TOO_MANY_DIFFERENCES') heldMs = intervalMs
      throw error
    } finally {
      await store.advanceComparison(mine, { doneUntil: null, leaseMs: heldMs })
    }
  }
}
