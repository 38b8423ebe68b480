import type { ActionResult, ChargeRequest } from '../gateway.ts'
import { describe, Mismatch, NotChecked, requireType } from '../outcome.ts'
import type { Row } from '../row.ts'
import { requireMoney, type Trial } from '../trial.ts'
import { requireSample, RETURN_URL } from './outcomes.ts'

interface Answered {
  readonly charge: ChargeRequest
  readonly request: ActionResult
}

/** Charges what the bank asks about, and lets the customer answer. @throws NotChecked */
export async function answeredAction(trial: Trial): Promise<Answered> {
  const { check, server } = trial.suite
  const sample = requireSample(check.samples.asksCustomer, 'asksCustomer')
  if (server?.answerAction === undefined)
    throw new NotChecked('the check file has no answerAction of the server')
  const charge = trial.newCharge({ ...sample, customerPresent: true, returnUrl: RETURN_URL })
  const { nextAction } = requireType(await trial.charge(charge), 'REQUIRES_ACTION')
  const { paymentId, attemptNo, gatewayKey } = charge
  const result = await server.answerAction(nextAction)
  return { charge, request: { paymentId, attemptNo, gatewayKey, result } }
}

/** What a gateway says when it gets what came back with the customer. Only for adapters with `completeAction`. */
export const ACTION_ROWS: readonly Row[] = [
  {
    behaviour: 'completeAction: the customer has answered',
    expected: 'FOUND, SUCCEEDED with the amount; the same when repeated',
    advice: 'Send the result under a key that depends on gatewayKey and the result alone.',
    async run(trial) {
      const { charge, request } = await answeredAction(trial)
      const refs = []
      for (let send = 0; send < 2; send++) {
        const { outcome } = requireType(await trial.completeAction(request), 'FOUND')
        const found = requireType(outcome, 'SUCCEEDED')
        requireMoney(found, charge)
        refs.push(found.gatewayRef)
      }
      if (refs[0] !== refs[1]) throw new Mismatch(`${refs[0]}, then ${refs[1]}`)
      return 'SUCCEEDED'
    },
  },
  {
    behaviour: 'completeAction: the result of another charge',
    expected: 'NOT_FOUND',
    advice: 'Compare the reference in the answer with gatewayKey before you believe the rest.',
    async run(trial) {
      const [one, other] = [await answeredAction(trial), await answeredAction(trial)]
      const { result } = other.request
      return describe(
        requireType(await trial.completeAction({ ...one.request, result }), 'NOT_FOUND', 'FAILED_TO_ASK'),
      )
    },
  },
  {
    behaviour: 'completeAction: no result of this gateway',
    expected: 'NOT_FOUND',
    advice: 'What the gateway refuses, or does not know, is the result of no charge: return NOT_FOUND.',
    async run(trial) {
      const { request } = await answeredAction(trial)
      const invented = Object.keys(request.result).map((name) => [name, 'invented'])
      for (const result of [Object.fromEntries(invented) as Record<string, string>, { 'x-invented': 'one' }])
        requireType(await trial.completeAction({ ...request, result }), 'NOT_FOUND')
      return 'NOT_FOUND'
    },
  },
]
