import { createPaymentStore, describeMovementRefusal, type Movement } from '@titan/payments'
import type { Session } from './access/session.ts'
import type { Mount } from './acts.ts'
import { formatMoney, parseMoney } from './markup/format.ts'
import { captureForm, refundChargeForm, refundForm, voidForm } from './pages/movement-acts.ts'
import type { Services } from './services.ts'
import { pathTo } from './web/paths.ts'
import { Refusal } from './web/refusal.ts'

type Store = ReturnType<typeof createPaymentStore>

/** What a form asks for. */
interface Asked {
  readonly kind: Movement['kind']
  readonly paymentId: string
  readonly key: string
  /** In major units; '' is all. */
  readonly amount?: string
  readonly reason?: string
  /** The gateway's id of a charge that contradicts the payment. */
  readonly charge?: string
  readonly unmovable?: readonly string[] | undefined
}

const LOST =
  'The response was lost, so the outcome is unknown. Open the payment: what was accepted is in its list. Do not repeat the action before'

/** Mounts the refund of a charge that contradicts its payment, which only operators see; behind `guardOperators`. */
export function mountChargeActs(mount: Mount, services: Services): void {
  const actOf = moverOf(services)
  mount('/payments/:id/refund-charge', refundChargeForm, (form, parameter) =>
    actOf({ kind: 'refund', paymentId: parameter('id'), ...form }),
  )
}

/** Mounts refunds, captures and releases: an API key moves only its account’s money. */
export function mountMovementActs(mount: Mount, services: Services): void {
  const actOf = moverOf(services)
  mount('/payments/:id/refund', refundForm, (form, parameter) =>
    actOf({ kind: 'refund', paymentId: parameter('id'), ...form }),
  )
  mount('/payments/:id/capture', captureForm, (form, parameter) =>
    actOf({ kind: 'capture', paymentId: parameter('id'), ...form }),
  )
  mount('/payments/:id/void', voidForm, (form, parameter) =>
    actOf({ kind: 'void', paymentId: parameter('id'), ...form }),
  )
}

function moverOf({ sql, unmovable }: Services) {
  const store = createPaymentStore(sql)
  return (asked: Asked) => ({
    action: `payment.${asked.kind}`,
    target: asked.charge === undefined ? asked.paymentId : `${asked.paymentId} charge ${asked.charge}`,
    perform: (by: Session) => move(store, by, { ...asked, unmovable }),
    page: pathTo(['payments', asked.paymentId], { done: asked.kind }),
    whenLost: LOST,
  })
}

/** @throws Refusal when it is none */
function amountOf(text: string, currency: string): number {
  const amount = parseMoney(text, currency)
  if (amount !== undefined) return amount
  throw new Refusal(422, `This is not an amount of ${currency}: write it with a point, such as 12.50`)
}

/** @throws Refusal when the payment does not allow it, or is not of the account of the key */
async function move(
  store: Store,
  { actor, key }: Session,
  { amount: text = '', ...asked }: Asked,
): Promise<string> {
  const { kind, paymentId, key: idempotencyKey } = asked
  const account = key?.account
  const payment = await store.get(paymentId)
  if (payment === undefined || (account ?? payment.account) !== payment.account)
    throw new Refusal(404, 'There is no such payment')
  const amount = text === '' ? undefined : amountOf(text, payment.currency)
  const answer = await store.createMovement({
    kind,
    paymentId,
    amount,
    reason: asked.reason === '' ? undefined : asked.reason,
    chargeRef: asked.charge,
    unmovable: asked.unmovable,
    idempotencyKey,
    account,
    actor,
  })
  if (answer.kind === 'mismatch')
    throw new Refusal(409, 'The payment has changed since this page was loaded: reload it and look again')
  if (answer.kind === 'refused') {
    const why = describeMovementRefusal(kind, answer, asked.charge)
    throw new Refusal(409, `${why.charAt(0).toUpperCase()}${why.slice(1)}`)
  }
  const { movement } = answer
  const money = formatMoney(movement.amount, movement.currency)
  return `${movement.id}: ${money} ${answer.kind === 'created' ? 'accepted' : 'accepted before'}`
}
