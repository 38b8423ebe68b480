import type Stripe from 'stripe'
import type {
  DisputeRecord,
  DisputeStatus,
  GatewayRecord,
  ListRequest,
  MoneyRecord,
  MoneyStatus,
  RecordPage,
} from '../records.ts'
import { fromStripeAmount } from './amount.ts'
import type { Known, StripeClient } from './client.ts'
import { reasonOfError } from './error.ts'

/** The most that Stripe lists at once. */
const PAGE = 100

type Range = Pick<Stripe.PaymentIntentListParams, 'created' | 'limit' | 'starting_after'>

interface Source {
  readonly list: (stripe: Stripe, range: Range) => Promise<Listed>
}

interface Listed {
  readonly records: readonly GatewayRecord[]
  /** The id to continue after. */
  readonly last: string | undefined
}

/** What is listed, one after the other; a cursor is the place in this list and the id to continue after. */
const SOURCES: readonly Source[] = [
  { list: async (stripe, range) => pageOf(await stripe.paymentIntents.list(range), chargeOf) },
  { list: async (stripe, range) => pageOf(await stripe.refunds.list(range), refundOf) },
  { list: async (stripe, range) => pageOf(await stripe.disputes.list(range), disputeOf) },
]

/** Lists charges, refunds and disputes by the second in which Stripe made them. */
export async function list(
  { stripe, http }: StripeClient,
  { since, until, cursor = '0' }: ListRequest,
  signal: AbortSignal,
): Promise<RecordPage> {
  const [place = '', after] = cursor.split(' ')
  const index = Number(place)
  const created = { gte: secondsOf(since, Math.floor), lt: secondsOf(until, Math.ceil) }
  const range = { created, limit: PAGE, ...(after !== undefined && { starting_after: after }) }
  const call = { signal, mayHaveLeft: false }
  const listed = await http
    .run(call, async () => SOURCES[index]?.list(stripe, range))
    .catch((error: unknown) => {
      throw new Error(reasonOfError(error), { cause: error })
    })
  const { records = [], last } = listed ?? {}
  const following = index + 1 < SOURCES.length ? String(index + 1) : undefined
  return {
    records: records.filter(({ at }) => at >= since && at < until),
    next: last === undefined ? following : `${index} ${last}`,
  }
}

function secondsOf(time: Date, round: (seconds: number) => number): number {
  return round(time.getTime() / 1_000)
}

function pageOf<Item extends { readonly id: string }>(
  { data, has_more }: Stripe.ApiList<Item>,
  recordOf: (item: Item) => GatewayRecord | undefined,
): Listed {
  return {
    records: data.map(recordOf).filter((record) => record !== undefined),
    last: has_more ? data.at(-1)?.id : undefined,
  }
}

function chargeOf(intent: Stripe.PaymentIntent): MoneyRecord {
  const status = INTENT_STATUSES.get(intent.status) ?? 'pending'
  // An intent that was never confirmed has failed no charge.
  const isUntried = status === 'failed' && intent.last_payment_error === null
  const moved = { succeeded: intent.amount_received, authorized: intent.amount_capturable } as const
  const amount = status === 'succeeded' || status === 'authorized' ? moved[status] : intent.amount
  const facts = factsOf(intent, amount)
  return { kind: 'charge', ...facts, status: isUntried ? 'pending' : status }
}

const INTENT_STATUSES = new Map<string, MoneyStatus>(
  Object.entries({
    succeeded: 'succeeded',
    requires_capture: 'authorized',
    canceled: 'canceled',
    requires_payment_method: 'failed',
    processing: 'pending',
    requires_action: 'pending',
    requires_confirmation: 'pending',
  } satisfies Record<Known<Stripe.PaymentIntent.Status>, MoneyStatus>),
)

const REFUND_STATUSES = new Map<string | null, MoneyStatus>([
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['canceled', 'canceled'],
])

/** Leaves out what only released money that was never captured: it is not in the balance. */
function refundOf(refund: Stripe.Refund): MoneyRecord | undefined {
  const status = REFUND_STATUSES.get(refund.status) ?? 'pending'
  if (status === 'succeeded' && refund.balance_transaction === null) return undefined
  return { kind: 'refund', ...factsOf(refund, refund.amount), chargeRef: chargeRefOf(refund), status }
}

const DISPUTE_STATES = new Map<string, DisputeStatus>(
  Object.entries({
    warning_needs_response: 'inquiry',
    warning_under_review: 'inquiry',
    warning_closed: 'closed',
    prevented: 'closed',
    needs_response: 'needs_response',
    appeal_needs_response: 'needs_response',
    under_review: 'under_review',
    appeal_under_review: 'under_review',
    won: 'won',
    lost: 'lost',
  } satisfies Record<Known<Stripe.Dispute.Status>, DisputeStatus>),
)

/** Reads a dispute; one in a status that Stripe gained is under review until it ends. */
export function disputeOf(dispute: Stripe.Dispute): DisputeRecord | undefined {
  const chargeRef = chargeRefOf(dispute)
  if (chargeRef === undefined) return undefined
  const dueBy = dispute.evidence_details.due_by
  return {
    kind: 'dispute',
    ...factsOf(dispute, dispute.amount),
    chargeRef,
    status: DISPUTE_STATES.get(dispute.status) ?? 'under_review',
    reason: dispute.reason,
    respondBy: typeof dueBy === 'number' ? new Date(dueBy * 1_000) : undefined,
  }
}

interface StripeObject {
  readonly id: string
  readonly created: number
  readonly currency: string
  readonly metadata: Stripe.Metadata | null
}

function factsOf({ id, created, metadata, ...object }: StripeObject, stripeAmount: number) {
  const currency = object.currency.toUpperCase()
  const amount = fromStripeAmount(stripeAmount, currency)
  const key = metadata?.['gateway_key']
  const at = new Date(created * 1_000)
  return { gatewayRef: id, gatewayKey: key, amount, currency, at }
}

/** Attempts are stored with the id of their intent. What is about a charge without one is not ours. */
function chargeRefOf({
  charge,
  payment_intent: intent,
}: Pick<Stripe.Refund, 'charge' | 'payment_intent'>): string | undefined {
  const named = intent ?? charge
  return typeof named === 'string' ? named : (named?.id ?? undefined)
}
