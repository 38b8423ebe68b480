import { pause } from '@titan/queue-core/async'
import { PaymentsError } from '../../domain/errors.ts'
import { reasonOf } from '../../domain/evidence.ts'
import type { ComparisonReport } from '../../domain/reconciliation.ts'
import type { RetryPolicy } from '../../domain/retry-policy.ts'
import type { Gateway } from '../../gateways/gateway.ts'
import type { GatewayRecord, ListRequest } from '../../gateways/records.ts'
import type { PaymentStore } from '../../store/store.ts'
import { Examiner } from './examiner.ts'
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
const CLOCK_MARGIN_MS = 120_000
const FIRST_WINDOW_MS = 3_600_000
const LONGEST_WINDOW_MS = 86_400_000
/** Gateways list by the second. */
const SHORTEST_WINDOW_MS = 1_000
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
  const end = shifted(until, CLOCK_MARGIN_MS)
  let start = shifted(since, -CLOCK_MARGIN_MS)
  let lengthMs = FIRST_WINDOW_MS
  let before: Window = { start, names: new Set() }
  while (start < end) {
    const window = await readWindow({ ...options, ...shared }, start, end, lengthMs)
    await examine(
      examiner,
      window.records.filter(({ at }) => at >= since && at < until),
    )
    const done = later(since, earlier(until, shifted(window.end, -CLOCK_MARGIN_MS)))
    const isListed = (name: string): boolean => window.names.has(name) || before.names.has(name)
    const from = later(since, shifted(start, -CLOCK_MARGIN_MS))
    await examineMoved(
      { store, gateway, examiner, signal },
      { since: from, until: done },
      isListed,
      before.start,
    )
    before = { start, names: window.names }
    start = window.end
    lengthMs = Math.min(LONGEST_WINDOW_MS, window.isSmall ? window.lengthMs * 2 : window.lengthMs)
    if ((await options.onProgress?.(done)) === false) break
  }
  await examiner.review()
  return tally.report(gateway.name, since, until)
}

interface Window {
  readonly start: Date
  /** Our keys and the gateway's ids of its records. */
  readonly names: ReadonlySet<string>
}

type Reading = Pick<CompareOptions, 'gateway' | 'windowRecords'> & {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly pauseMs: number
}

/** Reads the records of one window, and makes it shorter until they fit. */
async function readWindow(reading: Reading, start: Date, end: Date, wantedMs: number) {
  const { windowRecords: most = 20_000 } = reading
  for (let lengthMs = wantedMs; ; lengthMs = Math.max(SHORTEST_WINDOW_MS, Math.floor(lengthMs / 2))) {
    const windowEnd = earlier(end, shifted(start, lengthMs))
    const records = await readRecords(reading, { since: start, until: windowEnd }, most)
    if (records === undefined) {
      if (lengthMs > SHORTEST_WINDOW_MS) continue
      throw new PaymentsError('LIST_TOO_LONG', `more than ${most} records of the gateway in one second`)
    }
    const names = new Set(records.flatMap(({ gatewayKey, gatewayRef }) => [gatewayKey ?? '', gatewayRef]))
    return { records, names, end: windowEnd, lengthMs, isSmall: records.length < most / 4 }
  }
}

/** Reads every page of a span; undefined when it has more records than may be held. */
async function readRecords(
  { gateway, signal, timeoutMs, pauseMs }: Reading,
  span: { readonly since: Date; readonly until: Date },
  most: number,
): Promise<GatewayRecord[] | undefined> {
  const records = new Map<string, GatewayRecord>()
  let cursor: string | undefined
  do {
    await pause(pauseMs, signal)
    signal.throwIfAborted()
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const page = await listPage(gateway, { ...span, cursor }, limit)
    for (const record of page?.records ?? []) records.set(`${record.kind} ${record.gatewayRef}`, record)
    if (records.size > most) return undefined
    if (page?.next !== undefined && page.next === cursor)
      throw new PaymentsError('LIST_TOO_LONG', 'the list of the gateway does not end')
    cursor = page?.next
  } while (cursor !== undefined)
  return [...records.values()]
}

async function listPage(gateway: Gateway, request: ListRequest, signal: AbortSignal) {
  try {
    return await gateway.list?.(request, { signal })
  } catch (error) {
    const text = `the gateway ${gateway.name} cannot list its records: ${reasonOf(error)}`
    throw new PaymentsError('GATEWAY_AWAY', text, { cause: error })
  }
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

function shifted(time: Date, byMs: number): Date {
  return new Date(time.getTime() + byMs)
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b
}
