import { SpanKind } from '@opentelemetry/api'
import type { Claim } from '../domain/payment.ts'
import type { WorkOutcome } from '../domain/decision.ts'
import { reasonOf, sanitizeMessage, sanitizeOutcome } from '../domain/evidence.ts'
import { kindOf } from '../domain/identifiers.ts'
import type { ChargeOutcome, Gateway, LookupAnswer } from '../gateways/gateway.ts'
import { traceStep } from '../tracing.ts'

interface WorkOptions {
  readonly gateway: Gateway
  readonly timeoutMs: number
  /** One aborts when the lease is lost, one when the worker must stop. */
  readonly signals: readonly AbortSignal[]
}

/** Share of a key's shelf life in which it is replayed; the rest is for clocks that differ and calls that hang. */
const REPLAY_WITHIN = 0.9

/** Charges, or finds out what became of an earlier charge. Never rejects: a failure to talk is an outcome. */
export async function work(claim: Claim, options: WorkOptions): Promise<WorkOutcome> {
  const aborted = options.signals.find((signal) => signal.aborted)
  if (aborted !== undefined) return { type: 'RELEASED', reason: reasonOf(aborted.reason) }
  return claim.mode === 'send' ? charge(claim, options) : resolveAttempt(claim, options)
}

/**
 * The same request under the same key comes first: the gateway answers a repeat from what it has stored, and a paused
 * worker that sends late is answered the same. An inquiry cannot do that, so it is for keys that are too old, and
 * for answers that are outstanding.
 */
async function resolveAttempt(claim: Claim, options: WorkOptions): Promise<WorkOutcome> {
  const { gateway, timeoutMs } = options
  const isReplayable = claim.keyAgeMs + timeoutMs < gateway.keyTtlMs * REPLAY_WITHIN
  const isOutstanding = claim.gatewayRef !== null && gateway.lookup !== undefined
  if (isReplayable && !isOutstanding) {
    const outcome = await charge(claim, options)
    // A fault that is stored under the key is repeated for as long as the key lives; the books tell sooner.
    const isOpen = outcome.type === 'UNKNOWN' || (outcome.type === 'REJECTED' && !outcome.isReplay)
    if (!isOpen || gateway.lookup === undefined) return outcome
    const found = await inquire(claim, options)
    return found.type === 'FOUND' ? found.outcome : outcome
  }
  const answer = await inquire(claim, options)
  if (answer.type === 'FOUND') return answer.outcome
  if (answer.type === 'FAILED_TO_ASK') return { type: 'UNKNOWN', reason: answer.reason }
  return isReplayable
    ? { type: 'UNKNOWN', reason: 'the gateway does not know the charge yet' }
    : { type: 'UNRESOLVABLE', reason: 'the key is too old to repeat and the gateway does not know it' }
}

async function inquire(claim: Claim, options: WorkOptions): Promise<LookupAnswer> {
  const { gateway } = options
  if (gateway.lookup === undefined) return { type: 'NOT_FOUND' }
  const { paymentId, gatewayKey } = claim
  const gatewayRef = claim.gatewayRef ?? undefined
  const request = { kind: kindOf(paymentId), paymentId, gatewayKey, gatewayRef }
  return traced('lookup', claim, async () => {
    const answer = await withTimeout(options, async (signal) => gateway.lookup?.(request, { signal }))
    if ('error' in answer) return { type: 'FAILED_TO_ASK', reason: sanitizeMessage(answer.error) }
    const found = answer.value ?? { type: 'NOT_FOUND' }
    if (found.type === 'FOUND') return { ...found, outcome: sanitizeOutcome(found.outcome) }
    return found.type === 'FAILED_TO_ASK' ? { ...found, reason: sanitizeMessage(found.reason) } : found
  })
}

function charge(claim: Claim, options: WorkOptions): Promise<ChargeOutcome> {
  const { paymentId, attemptNo, gatewayKey, amount, currency } = claim
  const request = { paymentId, attemptNo, gatewayKey, amount, currency }
  return traced('charge', claim, async () => {
    const answer = await withTimeout(options, (signal) => options.gateway.charge(request, { signal }))
    return sanitizeOutcome('error' in answer ? { type: 'UNKNOWN', reason: answer.error } : answer.value)
  })
}

/** Outcomes that are no answer of the gateway's, so that their code is an error's. */
const FAULTS = new Set<string>(['UNKNOWN', 'NOT_SENT', 'REJECTED', 'FAILED_TO_ASK'])

function traced<Value extends ChargeOutcome | LookupAnswer>(
  name: 'charge' | 'lookup',
  { paymentId, attemptNo, gateway, mode }: Claim,
  call: () => Promise<Value>,
): Promise<Value> {
  const attributes = () => ({
    'titan.payment.id': paymentId,
    'titan.payment.attempt': attemptNo,
    'titan.gateway.name': gateway,
    'titan.gateway.mode': mode,
  })
  return traceStep({ name, kind: SpanKind.CLIENT, attributes }, call, ({ type }) => ({
    'titan.gateway.outcome': type,
    ...(FAULTS.has(type) && { 'error.type': type }),
  }))
}

type Answer<Value> = { readonly value: Value } | { readonly error: string }

/** Ends in time even when the gateway's code does not heed the signal. */
async function withTimeout<Value>(
  { timeoutMs, signals }: WorkOptions,
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
