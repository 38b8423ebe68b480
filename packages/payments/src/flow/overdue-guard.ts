import { withDeadline } from '@titan/queue-core/async'

/**
 * Guards calls to Redis: a guarded call settles like its call, or rejects after the timeout; it rejects at once while an
 * earlier call is overdue. A client without a connection may hold commands until it has one again. A loop that gives up
 * and tries again would fill it without bound, so nothing more is sent until an overdue call has ended.
 */
export function createOverdueGuard(timeoutMs: number) {
  let overdue = 0
  return async <Value>(call: () => Promise<Value>): Promise<Value> => {
    if (overdue > 0) throw new Error('Redis has not answered an earlier request yet')
    const reply = call()
    return withDeadline(reply, timeoutMs, () => {
      const release = (): number => overdue--
      overdue++
      reply.then(release, release)
      return new Error(`Redis did not answer within ${timeoutMs} ms`)
    })
  }
}
