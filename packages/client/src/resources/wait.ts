import { OVERDUE, withDeadline } from '../deadline.ts'
import { TitanError } from '../errors.ts'
import { pause, type RequestOptions } from '../http.ts'
import { retryAfterOf } from '../repeat.ts'

/** Options of `waitForEnd`. */
export interface WaitOptions {
  /** Cancels the wait. */
  readonly signal?: AbortSignal | undefined
  /** Longest wait, in milliseconds. @default 60000 */
  readonly timeoutMs?: number | undefined
}

/** Something that is processed, as it was last read. */
interface Observed<Item> {
  readonly data: Item
  readonly headers: Headers
}

const DEFAULT_WAIT_MS = 60_000
const DEFAULT_INTERVAL_MS = 1_000
const MAX_INTERVAL_MS = 60_000

/** Reads until the status is final, as often as `Retry-After` says. An API that does not respond is waited for as well. */
export async function untilEnded<Item extends { readonly status: string }>(
  read: (options: RequestOptions) => Promise<Observed<Item>>,
  { signal, timeoutMs = DEFAULT_WAIT_MS }: WaitOptions = {},
): Promise<Item> {
  return withDeadline(timeoutMs, signal, async (either) => {
    try {
      for (;;) {
        const { data, headers } = await read({ signal: either, maxRetries: Infinity })
        if (data.status === 'SUCCESS' || data.status === 'FAILED') return data
        await pause(Math.min(retryAfterOf(headers) ?? DEFAULT_INTERVAL_MS, MAX_INTERVAL_MS), either)
      }
    } catch (error) {
      if (error !== OVERDUE) throw error
      throw new TitanError('WAIT_TIMEOUT', `Still in progress after ${timeoutMs} ms`)
    }
  })
}
