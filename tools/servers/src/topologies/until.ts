import { describeError, LocalError } from '../errors.ts'
import { poll } from '../wait.ts'

const TIMEOUT_MS = 60_000

/**
 * Repeats `attempt` until it returns something true and throws nothing, and returns that.
 *
 * @throws LocalError `TIMEOUT` with `what` and the last error
 */
export async function until<Value>(
  what: string,
  attempt: () => Promise<Value | false | undefined>,
  timeoutMs = TIMEOUT_MS,
): Promise<Value> {
  let last: unknown
  const value = await poll(async () => {
    try {
      return (await attempt()) || undefined
    } catch (error) {
      last = error
      return undefined
    }
  }, timeoutMs)
  if (value !== undefined) return value
  const reason = last === undefined ? '' : ` (${describeError(last)})`
  throw new LocalError('TIMEOUT', `Waited ${timeoutMs / 1_000} s in vain until ${what}${reason}`)
}
