/** What Stripe adds to a decline. */
interface DeclineFacts {
  /** The error's code; most are `card_declined`. */
  readonly code?: string
  readonly advice?: 'confirm_card_data' | 'do_not_try_again' | 'try_again_later'
  readonly networkCode?: string
  readonly message?: string
}

const FACTS: Readonly<Record<string, DeclineFacts>> = {
  generic_decline: { advice: 'try_again_later', networkCode: '01', message: 'Your card was declined.' },
  insufficient_funds: {
    advice: 'try_again_later',
    networkCode: '51',
    message: 'Your card has insufficient funds.',
  },
  lost_card: { advice: 'do_not_try_again', networkCode: '41' },
  stolen_card: { advice: 'do_not_try_again', networkCode: '43' },
  pickup_card: { advice: 'do_not_try_again', networkCode: '04' },
  fraudulent: { advice: 'do_not_try_again' },
  expired_card: { code: 'expired_card', advice: 'confirm_card_data', message: 'Your card has expired.' },
  incorrect_cvc: {
    code: 'incorrect_cvc',
    advice: 'confirm_card_data',
    message: "Your card's security code is incorrect.",
  },
  incorrect_number: { code: 'incorrect_number', advice: 'confirm_card_data' },
  processing_error: {
    code: 'processing_error',
    advice: 'try_again_later',
    message: 'An error occurred while processing your card. Try again in a little bit.',
  },
  authentication_required: {
    code: 'authentication_required',
    message: 'Your card was declined. This transaction requires authentication.',
  },
  authentication_not_handled: {
    code: 'authentication_required',
    message:
      'This payment required an authentication action to complete, but `error_on_requires_action` was set.',
  },
}

/** Returns what Stripe adds to a decline with this code. */
export function declineFactsOf(declineCode: string): DeclineFacts {
  return (Object.hasOwn(FACTS, declineCode) ? FACTS[declineCode] : undefined) ?? {}
}

/** Returns the error of a payment that the card's bank declined. */
export function declineOf(declineCode: string) {
  const { code = 'card_declined', message = 'Your card was declined.' } = declineFactsOf(declineCode)
  return { type: 'card_error', code, declineCode, message } as const
}
