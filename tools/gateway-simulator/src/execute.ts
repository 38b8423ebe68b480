import type { Behaviour } from './behaviour.ts'
import type { StoredAnswer } from './ledger-entry.ts'
import { createIntent, decline, succeed, type IntentRequest, type PaymentIntent } from './payment-intent.ts'
import { errorAnswer, FAULT, invalidRequest } from './stripe-error.ts'

/** What carrying out a request has led to. Money has moved when the intent says `succeeded`. */
export interface Executed {
  readonly intent: PaymentIntent | null
  readonly answer: StoredAnswer
}

/** Decides what a new intent becomes. Pure but for the ids. */
export function execute(
  request: IntentRequest,
  behaviour: Extract<Behaviour, { at: 'endpoint' }>,
  now: number,
): Executed {
  const { execution, later } = behaviour
  const intent = createIntent(request, now)
  if (!request.confirm) return { intent, answer: okAnswer(intent) }
  switch (execution.type) {
    case 'charge': {
      const asked = {
        ...intent,
        amount: intent.amount + execution.amountBy,
        currency: execution.currency ?? intent.currency,
      }
      const now = later === null ? succeed(asked) : { ...asked, status: 'processing' as const }
      return { intent: now, answer: okAnswer(now) }
    }
    case 'decline': {
      const declined = decline(intent, execution.code)
      const error = { ...declined.last_payment_error, payment_intent: declined }
      return {
        intent: declined,
        answer: errorAnswer(402, { type: 'card_error', message: 'declined', ...error }),
      }
    }
    case 'invalid': {
      const { param } = execution
      return { intent: null, answer: invalidRequest('parameter_invalid', param, `Invalid ${param}`) }
    }
    case 'fault': {
      if (execution.charges) return { intent: succeed(intent), answer: FAULT }
      return { intent: later === null ? null : { ...intent, status: 'processing' }, answer: FAULT }
    }
  }
}

/** A 200 with an object. */
export function okAnswer(body: object): StoredAnswer {
  return { status: 200, body: { ...body } }
}
