import type Stripe from 'stripe'
import type { Answer } from '../stripe/answer.ts'
import { invalidRequest } from '../stripe/errors.ts'
import { listOf, type Form } from './form.ts'

/** Each parameter of an endpoint: whether the simulator acts on it, or only Stripe does. The compiler asks for all. */
type Parameters<Params> = Readonly<Record<keyof Params, boolean>>

const CREATE_INTENT: Parameters<Stripe.PaymentIntentCreateParams> = {
  amount: true,
  currency: true,
  allowed_payment_method_types: true,
  amount_details: false,
  application_fee_amount: false,
  automatic_payment_methods: true,
  capture_method: true,
  confirm: true,
  confirmation_method: true,
  confirmation_token: false,
  customer: true,
  customer_account: false,
  description: true,
  error_on_requires_action: true,
  excluded_payment_method_types: false,
  expand: true,
  hooks: false,
  mandate: false,
  mandate_data: false,
  metadata: true,
  off_session: true,
  on_behalf_of: false,
  payment_details: false,
  payment_method: true,
  payment_method_configuration: false,
  payment_method_data: false,
  payment_method_options: false,
  radar_options: false,
  receipt_email: true,
  return_url: true,
  setup_future_usage: true,
  shipping: false,
  statement_descriptor: true,
  statement_descriptor_suffix: true,
  transfer_data: false,
  transfer_group: false,
  use_stripe_sdk: true,
}

const CONFIRM: Parameters<Stripe.PaymentIntentConfirmParams> = {
  allowed_payment_method_types: false,
  amount_details: false,
  amount_to_confirm: false,
  capture_method: false,
  confirmation_token: false,
  error_on_requires_action: true,
  excluded_payment_method_types: false,
  expand: true,
  hooks: false,
  mandate: false,
  mandate_data: false,
  off_session: true,
  payment_details: false,
  payment_method: true,
  payment_method_data: false,
  payment_method_options: false,
  radar_options: false,
  receipt_email: false,
  return_url: true,
  setup_future_usage: false,
  shipping: false,
  use_stripe_sdk: true,
}

const CAPTURE: Parameters<Stripe.PaymentIntentCaptureParams> = {
  amount_details: false,
  amount_to_capture: true,
  application_fee_amount: false,
  expand: true,
  final_capture: true,
  hooks: false,
  metadata: true,
  payment_details: false,
  statement_descriptor: false,
  statement_descriptor_suffix: true,
  transfer_data: false,
}

const CANCEL: Parameters<Stripe.PaymentIntentCancelParams> = { cancellation_reason: true, expand: true }

const REFUND: Parameters<Stripe.RefundCreateParams> = {
  amount: true,
  charge: true,
  currency: false,
  customer: false,
  expand: true,
  instructions_email: false,
  metadata: true,
  origin: false,
  payment_intent: true,
  reason: true,
  refund_application_fee: false,
  reverse_transfer: false,
}

const CUSTOMER: Parameters<Stripe.CustomerCreateParams> = {
  address: false,
  balance: false,
  business_name: false,
  cash_balance: false,
  description: true,
  email: true,
  expand: true,
  individual_name: false,
  invoice_prefix: false,
  invoice_settings: false,
  metadata: true,
  name: true,
  next_invoice_sequence: false,
  payment_method: true,
  phone: true,
  preferred_locales: false,
  shipping: false,
  source: false,
  tax: false,
  tax_exempt: false,
  tax_id_data: false,
  test_clock: false,
  validate: false,
}

const ATTACH: Parameters<Stripe.PaymentMethodAttachParams> = {
  customer: true,
  customer_account: false,
  expand: true,
}

const LIST_INTENTS: Parameters<Stripe.PaymentIntentListParams> = {
  created: true,
  customer: true,
  customer_account: false,
  ending_before: false,
  expand: true,
  limit: true,
  starting_after: true,
}

const SEARCH_INTENTS: Parameters<Stripe.PaymentIntentSearchParams> = {
  expand: true,
  limit: true,
  page: true,
  query: true,
}

const LIST_REFUNDS: Parameters<Stripe.RefundListParams> = {
  charge: true,
  created: true,
  ending_before: false,
  expand: true,
  limit: true,
  payment_intent: true,
  starting_after: true,
}

const LIST_DISPUTES: Parameters<Stripe.DisputeListParams> = {
  charge: true,
  created: true,
  ending_before: false,
  expand: false,
  limit: true,
  payment_intent: true,
  starting_after: true,
}

/** The parameters of the endpoints, by what they do. */
export const PARAMETERS = {
  create: CREATE_INTENT,
  confirm: CONFIRM,
  capture: CAPTURE,
  cancel: CANCEL,
  refund: REFUND,
  cancelRefund: { expand: true },
  customer: CUSTOMER,
  attach: ATTACH,
  retrieve: { client_secret: true, expand: true },
  listIntents: LIST_INTENTS,
  searchIntents: SEARCH_INTENTS,
  listRefunds: LIST_REFUNDS,
  listDisputes: LIST_DISPUTES,
  listCards: {
    allow_redisplay: false,
    ending_before: false,
    expand: true,
    limit: true,
    starting_after: true,
    type: true,
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, boolean>>>>

/** Members of parameters that are objects. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  automatic_payment_methods: ['enabled', 'allow_redirects'],
  created: ['gt', 'gte', 'lt', 'lte'],
}

/**
 * Says which parameter Stripe does not know. One that only Stripe acts on is refused too: a test must not believe that
 * it had an effect.
 */
export function refusalOfParameters(form: Form, endpoint: keyof typeof PARAMETERS): Answer | undefined {
  const parameters: Readonly<Record<string, boolean>> = PARAMETERS[endpoint]
  for (const name of new Set(form.keys())) {
    const [, top = name, member] = /^([^[]+)\[([^\]]*)\]/.exec(name) ?? []
    const isKnown = Object.hasOwn(parameters, top)
    if (isKnown && parameters[top] === false)
      return invalidRequest(undefined, name, `The simulator does not act on the parameter ${name}`)
    const members = MEMBERS[top]
    if (isKnown && (member === undefined || members === undefined || members.includes(member))) continue
    return invalidRequest('parameter_unknown', name, `Received unknown parameter: ${name}`)
  }
  return undefined
}

/** Says which object cannot be shown in place of its id. */
export function refusalOfExpand(form: Form, expandable: readonly string[]): Answer | undefined {
  const path = listOf(form, 'expand').find((path) => !expandable.includes(path))
  return path === undefined
    ? undefined
    : invalidRequest(undefined, 'expand', `This property cannot be expanded (${path}).`)
}
