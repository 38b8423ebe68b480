/** Waits for a server that may never answer, without piling up requests at its door. */
export interface Patience {
  /** The call's answer, or a rejection after the timeout; rejects at once while an earlier call is still unanswered. */
  wait<Value>(call: () => Promise<Value>): Promise<Value>
}

/**
 * A client without a connection may hold commands until it has one again. A loop that gives up and tries again would
 * fill it without bound, so there is one call at a time, and the next only when that one has ended.
 */
export function createPatience(timeoutMs: number): Patience {
  let unanswered = 0
  return {
    async wait(call) {
      if (unanswered > 0) throw new Error('Redis has not answered the last request yet')
      const { promise: late, reject } = Promise.withResolvers<never>()
      const timer = setTimeout(
        () => reject(new Error(`Redis did not answer within ${timeoutMs} ms`)),
        timeoutMs,
      )
      unanswered++
      const answer = call().finally(() => unanswered--)
      try {
        return await Promise.race([answer, late])
      } finally {
        clearTimeout(timer)
        answer.catch(() => {})
      }
    },
  }
}
