import { isDeepStrictEqual } from 'node:util'
import { reasonOf } from '../domain/evidence.ts'
import { gatewayKeyOf } from '../domain/identifiers.ts'
import type { Payment } from '../domain/payment.ts'
import type { ActionResult, Gateway, LookupAnswer } from '../gateways/gateway.ts'
import { applyOutcome, type ApplyOutcomeOptions } from './write-result.ts'

interface CompletedAction {
  readonly payment: Payment
  /** What came back with the customer. Goes to the gateway alone. */
  readonly result: ActionResult['result']
  /** Shown as the actor of events. */
  readonly actor: string
}

interface CompleteActionOptions extends ApplyOutcomeOptions {
  /** The result goes to the one where the attempt began. */
  readonly gateways: { get(name: string): Callable | undefined }
  /** Longest call to the gateway, in milliseconds. @default 10000 */
  readonly timeoutMs?: number | undefined
}

/**
 * `answered`: what the gateway says is written, where it is definite. `over`: the charge is decided, or authorized, so there is
 * nothing to send, as after a lost response. `foreign`: no result of this charge. `unanswered`: the same result may be sent
 * again. `no_action`: the payment asks its customer nothing. `no_gateway`: this program cannot call it.
 * `unneeded`: the gateway takes no results.
 */
type ActionEffect = 'answered' | 'over' | 'foreign' | 'unanswered' | 'no_action' | 'no_gateway' | 'unneeded'

/**
 * Completes what a charge required of its customer: the gateway gets what came back, and its answer counts like a webhook.
 * Any number of copies, at the same time too, have the effect of one.
 */
export async function completeAction(
  { payment, result, actor }: CompletedAction,
  { store, gateways, policy, timeoutMs = 10_000 }: CompleteActionOptions,
): Promise<ActionEffect> {
  const { id: paymentId, attemptNo, details } = payment
  const gateway = gatewayOf(payment, gateways)
  if (typeof gateway === 'string') return gateway
  const answer = await ask(gateway, payment, result, timeoutMs)
  if (answer.type === 'NOT_FOUND') return 'foreign'
  if (answer.type === 'FAILED_TO_ASK') return 'unanswered'
  const { outcome } = answer
  const isFinal = outcome.type === 'DECLINED'
  const report = { paymentId, attemptNo, gateway: gateway.name, outcome, isFinal, isCurrent: true, actor }
  const isAsked = outcome.type === 'REQUIRES_ACTION'
  // The same action again: the customer has not answered.
  if (!isAsked || !isDeepStrictEqual(outcome.nextAction, details?.nextAction))
    await applyOutcome(report, { store, policy })
  return 'answered'
}

type Callable = Pick<Gateway, 'name' | 'completeAction'>

/** Returns the gateway of the action, or why there is nothing to send. */
function gatewayOf(
  { customerPresent, gateway: name, attemptOpen, waitsFor }: Payment,
  gateways: CompleteActionOptions['gateways'],
): Callable | Exclude<ActionEffect, 'answered'> {
  if (!customerPresent || name === null) return 'no_action'
  if (!attemptOpen || waitsFor === 'capture') return 'over'
  const gateway = gateways.get(name)
  if (gateway === undefined) return 'no_gateway'
  return gateway.completeAction === undefined ? 'unneeded' : gateway
}

async function ask(
  gateway: Callable,
  { id: paymentId, attemptNo, capture }: Payment,
  result: ActionResult['result'],
  timeoutMs: number,
): Promise<LookupAnswer> {
  const gatewayKey = gatewayKeyOf(paymentId, attemptNo)
  const request = { paymentId, attemptNo, gatewayKey, capture, result }
  try {
    const answer = await gateway.completeAction?.(request, { signal: AbortSignal.timeout(timeoutMs) })
    return answer ?? { type: 'NOT_FOUND' }
  } catch (error) {
    return { type: 'FAILED_TO_ASK', reason: reasonOf(error) }
  }
}
