import { setTimeout as pause } from 'node:timers/promises'
import { codeOf, isError, textOf } from '@titan/queue-core/text-of'
import { Failure } from './program.ts'
import { addressOf } from './server-url.ts'

/** The longest pause between two attempts to connect. */
const MAX_PAUSE_MS = 2_000

/** Errors of a PostgreSQL that is just starting, or of a network that is not there yet. */
const PASSING =
  /^(ECONN\w+|CONNECT\w+|E\w*UNREACH|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|ENOENT|NO_PRIMARY|57P0\d|08(?!P01)\w{3}|53300)$/

/**
 * Repeats an attempt to reach PostgreSQL for as long as it fails with an error that passes, within a time limit.
 *
 * @param onWait is called once, with the first of those errors
 */
export async function retryWhilePassing<Value>(
  attempt: () => PromiseLike<Value>,
  timeoutMs: number,
  onWait: (error: unknown) => void,
): Promise<Value> {
  const deadline = performance.now() + timeoutMs
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt()
    } catch (error) {
      const pauseMs = pauseBefore(retries)
      if (!PASSING.test(codeOf(error)) || performance.now() + pauseMs > deadline) throw error
      if (retries === 0) onWait(error)
      await pause(pauseMs)
    }
  }
}

/** Returns the pause before an attempt to connect again, with capped backoff and jitter, in milliseconds. */
export function pauseBefore(retries: number): number {
  return Math.min(50 * 2 ** retries, MAX_PAUSE_MS) * (0.5 + Math.random() / 2)
}

/** Creates the failure of a server that cannot be used, without the password in its URL. */
export function unreachable(server: string, url: string, error: unknown): Failure {
  const code = codeOf(error)
  const message = isError(error) ? textOf(error) : ''
  const reason =
    message === '' ? code : message.includes(code) || code === '' ? message : `${message} (${code})`
  return new Failure(`cannot use ${server} at ${addressOf(url)}: ${reason}`, { cause: error })
}
