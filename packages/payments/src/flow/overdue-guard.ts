/** Waits for a server that may never answer, without piling up requests at its door. */
export interface Patience {
  /** The call's answer, or a rejection after the timeout; rejects at once while an earlier call is overdue. */
  wait<Value>(call: () => Promise<Value>): Promise<Value>
}

/**
 * A client without a connection may hold commands until it has one again. A loop that gives up and tries again would
 * fill it without bound, so nothing more is asked until an overdue call has ended.
 */
export function createPatience(timeoutMs: number): Patience {
  let overdue = 0
  return {
    async wait(call) {
      if (overdue > 0) throw new Error('Redis has not answered an earlier request yet')
      const { promise: late, reject } = Promise.withResolvers<never>()
      let isOverdue = false
      const timer = setTimeout(() => {
        isOverdue = true
        overdue++
        reject(new Error(`Redis did not answer within ${timeoutMs} ms`))
      }, timeoutMs)
      const answer = call().finally(() => {
        clearTimeout(timer)
        if (isOverdue) overdue--
      })
      return Promise.race([answer, late])
    },
  }
}
