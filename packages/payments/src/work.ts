import type { Claim } from './claim.ts'
import type { WorkOutcome } from './decision.ts'
import { reasonOf } from './evidence.ts'
import type { Gateway } from './gateway.ts'

/** What a call to a gateway needs. */
export interface WorkOptions {
  readonly gateway: Gateway
  /** Longest call, in milliseconds. */
  readonly timeoutMs: number
  /** Aborts when the lease is lost or the worker must stop. */
  readonly signal: AbortSignal
}

/** Share of a key's shelf life in which it is replayed; the rest is for clocks that differ and calls that hang. */
const REPLAY_WITHIN = 0.9

/** Charges, or finds out what became of an earlier charge. Never rejects: a failure to talk is an outcome. */
export async function work(claim: Claim, options: WorkOptions): Promise<WorkOutcome> {
  if (options.signal.aborted) return { type: 'RELEASED', reason: reasonOf(options.signal.reason) }
  return claim.mode === 'send' ? charge(claim, options) : resolve(claim, options)
}

/**
 * The same request under the same key comes first: the gateway answers a repeat from what it has stored, and a paused
 * worker that sends late is answered the same. An inquiry cannot do that, so it is for keys that are too old, and
 * for answers that are outstanding.
 */
async function resolve(claim: Claim, options: WorkOptions): Promise<WorkOutcome> {
  const { gateway, timeoutMs } = options
  const isReplayable = claim.keyAgeMs + timeoutMs < gateway.keyTtlMs * REPLAY_WITHIN
  const isPending = claim.gatewayRef !== null
  if (isReplayable && !(isPending && gateway.lookup)) return charge(claim, options)
  if (!gateway.lookup)
    return { type: 'UNRESOLVABLE', reason: 'the key is too old to repeat and this gateway cannot be asked' }
  const answer = await withTimeout(options, (signal) => gateway.lookup?.(toLookup(claim), { signal }))
  if ('error' in answer) return { type: 'UNKNOWN', reason: answer.error }
  switch (answer.value?.type) {
    case 'FOUND':
      return answer.value.outcome
    case 'NOT_FOUND':
      return isReplayable
        ? { type: 'UNKNOWN', reason: 'the gateway does not know the charge yet' }
        : { type: 'UNRESOLVABLE', reason: 'the key is too old to repeat and the gateway does not know it' }
    case 'FAILED_TO_ASK':
    case undefined:
      return { type: 'UNKNOWN', reason: answer.value?.reason ?? 'no answer' }
  }
}

function toLookup({ paymentId, gatewayKey, gatewayRef }: Claim): {
  paymentId: string
  gatewayKey: string
  gatewayRef?: string
} {
  return gatewayRef === null ? { paymentId, gatewayKey } : { paymentId, gatewayKey, gatewayRef }
}

async function charge(claim: Claim, options: WorkOptions): Promise<WorkOutcome> {
  const { paymentId, attemptNo, gatewayKey, amount, currency } = claim
  const request = { paymentId, attemptNo, gatewayKey, amount, currency }
  const answer = await withTimeout(options, (signal) => options.gateway.charge(request, { signal }))
  return 'error' in answer ? { type: 'UNKNOWN', reason: answer.error } : answer.value
}

type Answer<Value> = { readonly value: Value } | { readonly error: string }

/** Ends in time even when the gateway's code does not heed the signal. */
async function withTimeout<Value>(
  { timeoutMs, signal }: WorkOptions,
  call: (signal: AbortSignal) => Promise<Value> | Value,
): Promise<Answer<Value>> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  const either = AbortSignal.any([signal, timeout.signal])
  try {
    return await Promise.race([
      aborted(either),
      Promise.resolve(call(either)).then(
        (value): Answer<Value> => ({ value }),
        (error: unknown): Answer<Value> => ({ error: reasonOf(either.aborted ? either.reason : error) }),
      ),
    ])
  } catch (error) {
    return { error: reasonOf(error) }
  } finally {
    clearTimeout(timer)
  }
}

function aborted(signal: AbortSignal): Promise<{ readonly error: string }> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve({ error: reasonOf(signal.reason) }), { once: true })
  })
}
