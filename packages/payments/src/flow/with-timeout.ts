import { reasonOf } from '../domain/evidence.ts'

export interface Limits {
  readonly timeoutMs: number
  /** One aborts when the lease is lost, one when the worker must stop. */
  readonly signals: readonly AbortSignal[]
}

type Answer<Value> = { readonly value: Value } | { readonly error: string }

/** Calls code that is not ours. Ends in time even when it does not heed the signal. */
export async function withTimeout<Value>(
  { timeoutMs, signals }: Limits,
  call: (signal: AbortSignal) => Promise<Value>,
): Promise<Answer<Value>> {
  const aborted = signals.find((signal) => signal.aborted)
  if (aborted !== undefined) return { error: reasonOf(aborted.reason) }
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<Answer<Value>>()
  // By hand: AbortSignal.any makes weak references, which cost a payment more than the rest of this.
  const ending = new AbortController()
  const end = (reason: unknown): void => {
    giveUp({ error: reasonOf(reason) })
    ending.abort(reason)
  }
  const endings = signals.map((signal) => ({ signal, listener: () => end(signal.reason) }))
  for (const { signal, listener } of endings) signal.addEventListener('abort', listener, { once: true })
  const timer = setTimeout(() => end(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  try {
    const answered = call(ending.signal).then((value) => ({ value }))
    return await Promise.race([givenUp, answered])
  } catch (error) {
    return { error: reasonOf(error) }
  } finally {
    clearTimeout(timer)
    for (const { signal, listener } of endings) signal.removeEventListener('abort', listener)
  }
}
