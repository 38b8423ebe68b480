/** The reason of a signal whose time is over. */
export const OVERDUE: unique symbol = Symbol('overdue')

/**
 * Runs a task with a signal that aborts after `timeoutMs`, with the reason {@link OVERDUE}, or with the signal of a caller.
 * Nothing is left behind: `AbortSignal.timeout` would keep a timer for each request.
 */
export async function withDeadline<Result>(
  timeoutMs: number,
  callers: AbortSignal | undefined,
  task: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  callers?.throwIfAborted()
  const controller = new AbortController()
  const abort = () => controller.abort(callers?.reason)
  callers?.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(() => controller.abort(OVERDUE), timeoutMs)
  try {
    return await task(controller.signal)
  } finally {
    clearTimeout(timer)
    callers?.removeEventListener('abort', abort)
  }
}
