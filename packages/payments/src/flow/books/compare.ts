import type { ComparisonReport } from '../../domain/reconciliation.ts'
import type { RetryPolicy } from '../../domain/retry-policy.ts'
import type { Gateway } from '../../gateways/gateway.ts'
import type { GatewayRecord } from '../../gateways/records.ts'
import type { PaymentStore } from '../../store/store.ts'
import { Examiner } from './examiner.ts'
import { earlier, later, listWindows, shifted } from './listing.ts'
import { Tally } from './report.ts'

export interface CompareOptions {
  readonly store: PaymentStore
  readonly gateway: Gateway
  /** The span to compare. What is younger than the gateway's list lags behind is not to be judged. */
  readonly since: Date
  readonly until: Date
  /** @default none */
  readonly signal?: AbortSignal | undefined
  /** @default DEFAULT_RETRY_POLICY */
  readonly policy?: Partial<RetryPolicy> | undefined
  /** Longest call to the gateway, in milliseconds. @default 30000 */
  readonly timeoutMs?: number | undefined
  /** Pause before each call to the gateway, in milliseconds: payments come first. @default 0 */
  readonly pauseMs?: number | undefined
  /** Records of a window at most, which are in memory at once. @default 20000 */
  readonly windowRecords?: number | undefined
  /** Single records that the gateway is asked about at most. @default 5000 */
  readonly maxLookUps?: number | undefined
  /** Called after each window: everything before `doneUntil` was compared. Resolves with whether to continue. */
  readonly onProgress?: ((doneUntil: Date) => Promise<boolean>) | undefined
}

/** Age from which records are judged, in milliseconds: by then a gateway's list shows what is true. */
export const SETTLE_MS = 600_000
/** How far the clocks of a gateway and of PostgreSQL may differ, in milliseconds. */
export const CLOCK_MARGIN_MS = 120_000
/** Records that are compared by one statement. */
const BATCH = 500
/** Successes that are read by one statement. */
const MOVED_BATCH = 2_000

/**
 * Compares a gateway's own list with our records, both ways, window by window: one window is in memory at a time. Reads at
 * the gateway only, and settles nothing but by the ways of webhooks and look-ups. May be repeated: what is on record is not
 * recorded again, and a difference that is none any more is closed.
 *
 * @throws {PaymentsError} `TOO_MANY_DIFFERENCES`, `LIST_TOO_LONG`; errors of the list and of PostgreSQL as they are
 */
export async function compareBooks(options: CompareOptions): Promise<ComparisonReport> {
  const { store, gateway, since, until, timeoutMs = 30_000, pauseMs = 0, maxLookUps = 5_000 } = options
  const { signal = new AbortController().signal, policy } = options
  const tally = new Tally()
  for (const { reference } of await store.listDifferences(gateway.name, MOVED_BATCH))
    tally.pending.add(reference)
  const shared = { store, gateway, tally, signal, policy, timeoutMs, pauseMs, maxLookUps }
  const examiner = new Examiner(shared)
  // What the gateway made shortly before or after may be known to us as of this span, by another clock.
  const listed = { since: shifted(since, -CLOCK_MARGIN_MS), until: shifted(until, CLOCK_MARGIN_MS) }
  let done = since
  let before = { start: listed.since, names: new Set<string>() }
  for await (const window of listWindows({ ...options, ...shared }, listed)) {
    await examine(
      examiner,
      window.records.filter(({ at }) => at >= since && at < until),
    )
    done = later(since, earlier(until, shifted(window.end, -CLOCK_MARGIN_MS)))
    const names = namesOf(window.records)
    const { names: namesBefore, start: listedSince } = before
    const isListed = (name: string): boolean => names.has(name) || namesBefore.has(name)
    const from = later(since, shifted(window.start, -CLOCK_MARGIN_MS))
    await examineMoved(
      { store, gateway, examiner, signal },
      { since: from, until: done },
      isListed,
      listedSince,
    )
    before = { start: window.start, names }
    if ((await options.onProgress?.(done)) === false) break
  }
  await examiner.review()
  return tally.report(gateway.name, since, done)
}

/** Our keys and the gateway's ids of records. */
function namesOf(records: readonly GatewayRecord[]): Set<string> {
  return new Set(records.flatMap(({ gatewayKey, gatewayRef }) => [gatewayKey ?? '', gatewayRef]))
}

async function examine(examiner: Examiner, records: readonly GatewayRecord[]): Promise<void> {
  for (let from = 0; from < records.length; from += BATCH)
    await examiner.records(records.slice(from, from + BATCH))
}

/** Examines our successes of a span, page by page. */
async function examineMoved(
  {
    store,
    gateway,
    examiner,
    signal,
  }: Pick<CompareOptions, 'store' | 'gateway'> & {
    readonly examiner: Examiner
    readonly signal: AbortSignal
  },
  span: { readonly since: Date; readonly until: Date },
  isListed: (name: string) => boolean,
  listedSince: Date,
): Promise<void> {
  let after = ''
  while (span.since < span.until) {
    signal.throwIfAborted()
    const moved = await store.findMoved({ gateway: gateway.name, ...span, after, limit: MOVED_BATCH })
    await examiner.moved(moved, isListed, shifted(listedSince, CLOCK_MARGIN_MS))
    if (moved.length < MOVED_BATCH) return
    after = moved.at(-1)?.id ?? ''
  }
}
