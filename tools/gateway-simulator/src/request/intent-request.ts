import { isCurrency, refusalOfAmount } from '../model/currency.ts'
import type { IntentRequest } from '../model/intent.ts'
import type { Answer } from '../stripe/answer.ts'
import { invalidRequest } from '../stripe/errors.ts'
import {
  isTrue,
  listOf,
  membersOf,
  metadataOf,
  refusalOfFlags,
  refusalOfMetadata,
  textOf,
  wholeNumberOf,
  type Form,
} from './form.ts'

/** The values of parameters that are one of a few. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  capture_method: ['automatic', 'automatic_async', 'manual'],
  confirmation_method: ['automatic', 'manual'],
  setup_future_usage: ['off_session', 'on_session'],
}

/** Parameters that mean something only when the request confirms. */
const WITH_CONFIRM = ['error_on_requires_action', 'off_session', 'return_url', 'use_stripe_sdk']

const FLAGS = ['confirm', 'error_on_requires_action', 'off_session', 'use_stripe_sdk']

/** Checks the parameters of a new intent, in about Stripe's order. */
export function refusalOfIntent(form: Form): Answer | undefined {
  return (
    refusalOfMoney(form) ??
    refusalOfFlags(form, FLAGS) ??
    refusalOfChoices(form) ??
    refusalOfStatement(form) ??
    refusalOfMetadata(form) ??
    refusalOfConfirm(form)
  )
}

/** Reads a new intent whose parameters were checked. */
export function readIntent(form: Form): IntentRequest {
  const allowed = listOf(form, 'allowed_payment_method_types')
  const { allow_redirects: allowRedirects = null } = membersOf(form, 'automatic_payment_methods')
  return {
    amount: wholeNumberOf(form, 'amount') ?? 0,
    currency: currencyOf(form),
    captureMethod: textOf(form, 'capture_method') ?? 'automatic_async',
    confirmationMethod: textOf(form, 'confirmation_method') ?? 'automatic',
    customer: textOf(form, 'customer'),
    description: textOf(form, 'description'),
    metadata: metadataOf(form),
    receiptEmail: textOf(form, 'receipt_email'),
    setupFutureUsage: textOf(form, 'setup_future_usage'),
    statementDescriptor: textOf(form, 'statement_descriptor'),
    statementDescriptorSuffix: textOf(form, 'statement_descriptor_suffix'),
    allowedTypes: allowed.length > 0 ? allowed : null,
    allowRedirects,
  }
}

function currencyOf(form: Form): string {
  return (form.get('currency') ?? '').toLowerCase()
}

function missing(name: string): Answer {
  return invalidRequest('parameter_missing', name, `Missing required param: ${name}.`)
}

function refusalOfMoney(form: Form): Answer | undefined {
  if (textOf(form, 'amount') === null) return missing('amount')
  if (textOf(form, 'currency') === null) return missing('currency')
  const amount = wholeNumberOf(form, 'amount')
  if (amount === null) return invalidInteger(form.get('amount') ?? '', 'amount')
  const currency = currencyOf(form)
  if (!isCurrency(currency))
    return invalidRequest(undefined, 'currency', `Invalid currency: ${form.get('currency') ?? ''}.`)
  const refusal = refusalOfAmount(amount, currency)
  return refusal && invalidRequest(refusal.code, 'amount', refusal.message)
}

/** A number that is none, or not positive. */
export function invalidInteger(text: string, param: string): Answer {
  return invalidRequest('parameter_invalid_integer', param, `Invalid integer: ${text.slice(0, 50)}`)
}

function refusalOfChoices(form: Form): Answer | undefined {
  for (const [name, choices] of Object.entries(CHOICES)) {
    const text = form.get(name)
    if (text === null || choices.includes(text)) continue
    return invalidRequest(undefined, name, `Invalid ${name}: must be one of ${choices.join(', ')}`)
  }
  const strange = listOf(form, 'allowed_payment_method_types').find((type) => type !== 'card')
  if (strange === undefined) return undefined
  const message = `The payment method type "${strange}" is invalid. This account takes cards only.`
  return invalidRequest('payment_intent_invalid_parameter', 'allowed_payment_method_types', message)
}

/** Longest text on a customer's statement. */
const STATEMENT_LENGTH = 22

/** A card's statement takes the suffix only. */
export function refusalOfStatement(form: Form): Answer | undefined {
  if (textOf(form, 'statement_descriptor') !== null)
    return invalidRequest(
      undefined,
      'statement_descriptor',
      'The `statement_descriptor` parameter is not supported for PaymentIntents with card payments. Use `statement_descriptor_suffix` instead.',
    )
  const suffix = textOf(form, 'statement_descriptor_suffix')
  if (suffix === null) return undefined
  const refuse = (message: string) => invalidRequest(undefined, 'statement_descriptor_suffix', message)
  if (suffix.length > STATEMENT_LENGTH)
    return refuse(`The statement descriptor suffix must be at most ${STATEMENT_LENGTH} characters.`)
  if (!/^[\x20-\x7e]+$/.test(suffix)) return refuse('Statement descriptors take Latin characters only.')
  if (/[<>\\'"*]/.test(suffix)) return refuse(`Statement descriptors cannot contain < > \\ ' " *.`)
  return /[a-z]/i.test(suffix) ? undefined : refuse('Statement descriptors must have at least one letter.')
}

function refusalOfConfirm(form: Form): Answer | undefined {
  if (!isTrue(form, 'confirm')) {
    const name = WITH_CONFIRM.find((name) => form.has(name))
    if (name === undefined) return undefined
    return invalidRequest(undefined, name, `You cannot use ${name} without \`confirm=true\`.`)
  }
  const isOpenToRedirects =
    listOf(form, 'allowed_payment_method_types').length === 0 &&
    form.get('automatic_payment_methods[allow_redirects]') !== 'never'
  if (isOpenToRedirects && textOf(form, 'return_url') === null)
    return invalidRequest(
      undefined,
      'return_url',
      'This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`.',
    )
  return refusalOfConfirmation(form)
}

/** Checks the parameters that a confirmation has, at creation too. */
export function refusalOfConfirmation(form: Form): Answer | undefined {
  const url = textOf(form, 'return_url')
  return url === null || URL.canParse(url)
    ? undefined
    : invalidRequest('url_invalid', 'return_url', 'Not a valid URL')
}
