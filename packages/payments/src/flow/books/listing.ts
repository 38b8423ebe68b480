import { pause } from '@titan/queue-core/async'
import { PaymentsError } from '../../domain/errors.ts'
import { reasonOf } from '../../domain/evidence.ts'
import type { Gateway } from '../../gateways/gateway.ts'
import type { GatewayRecord, ListRequest } from '../../gateways/records.ts'

export interface ListOptions {
  readonly gateway: Gateway
  /** @default none */
  readonly signal?: AbortSignal | undefined
  /** Longest call to the gateway, in milliseconds. @default 30000 */
  readonly timeoutMs?: number | undefined
  /** Pause before each call to the gateway, in milliseconds: payments come first. @default 0 */
  readonly pauseMs?: number | undefined
  /** Records of a window at most, which are in memory at once. @default 20000 */
  readonly windowRecords?: number | undefined
}

interface Span {
  readonly since: Date
  /** Exclusive. */
  readonly until: Date
}

/** What a gateway lists of a part of a span. */
interface Window {
  readonly start: Date
  readonly end: Date
  readonly records: readonly GatewayRecord[]
}

const FIRST_WINDOW_MS = 3_600_000
const LONGEST_WINDOW_MS = 86_400_000
/** Gateways list by the second. */
const SHORTEST_WINDOW_MS = 1_000

/**
 * Lists what a gateway has on record of a span, window by window: one is in memory at a time.
 *
 * @throws {PaymentsError} `GATEWAY_AWAY`, `LIST_TOO_LONG`
 */
export async function* listWindows(options: ListOptions, { since, until }: Span): AsyncGenerator<Window> {
  let lengthMs = FIRST_WINDOW_MS
  for (let start = since; start < until;) {
    const window = await readWindow(options, { since: start, until }, lengthMs)
    yield window
    start = window.end
    lengthMs = Math.min(LONGEST_WINDOW_MS, window.isSmall ? window.lengthMs * 2 : window.lengthMs)
  }
}

/** Reads the records of one window, and makes it shorter until they fit. */
async function readWindow(options: ListOptions, { since: start, until }: Span, wantedMs: number) {
  const { windowRecords: most = 20_000 } = options
  for (let lengthMs = wantedMs; ; lengthMs = Math.max(SHORTEST_WINDOW_MS, Math.floor(lengthMs / 2))) {
    const end = earlier(until, shifted(start, lengthMs))
    const records = await readRecords(options, { since: start, until: end }, most)
    if (records !== undefined) return { start, end, records, lengthMs, isSmall: records.length < most / 4 }
    if (lengthMs === SHORTEST_WINDOW_MS)
      throw new PaymentsError('LIST_TOO_LONG', `more than ${most} records of the gateway in one second`)
  }
}

/** Reads the records of a span; undefined when it has more than may be held. */
async function readRecords(
  options: ListOptions,
  span: Span,
  most: number,
): Promise<GatewayRecord[] | undefined> {
  const records = new Map<string, GatewayRecord>()
  for await (const page of readPages(options, span)) {
    for (const record of page) records.set(`${record.kind} ${record.gatewayRef}`, record)
    if (records.size > most) return undefined
  }
  return [...records.values()]
}

async function* readPages(
  { gateway, signal = new AbortController().signal, timeoutMs = 30_000, pauseMs = 0 }: ListOptions,
  span: Span,
): AsyncGenerator<readonly GatewayRecord[]> {
  let cursor: string | undefined
  do {
    await pause(pauseMs, signal)
    signal.throwIfAborted()
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const page = await listPage(gateway, { ...span, cursor }, limit)
    yield page?.records ?? []
    if (page?.next !== undefined && page.next === cursor)
      throw new PaymentsError('LIST_TOO_LONG', 'the list of the gateway does not end')
    cursor = page?.next
  } while (cursor !== undefined)
}

async function listPage(gateway: Gateway, request: ListRequest, signal: AbortSignal) {
  try {
    return await gateway.list?.(request, { signal })
  } catch (error) {
    const text = `the gateway ${gateway.name} cannot list its records: ${reasonOf(error)}`
    throw new PaymentsError('GATEWAY_AWAY', text, { cause: error })
  }
}

export function shifted(time: Date, byMs: number): Date {
  return new Date(time.getTime() + byMs)
}

export function earlier(a: Date, b: Date): Date {
  return a < b ? a : b
}

export function later(a: Date, b: Date): Date {
  return a > b ? a : b
}
