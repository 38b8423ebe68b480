import { randomUUID } from 'node:crypto'
import {
  createPaymentStore,
  databaseSettings,
  describeMovementRefusal,
  unmovableGatewaySettings,
  type CreateMovementAnswer,
  type KnownGateways,
  type Movement,
  type Payment,
} from '@titan/payments'
import { Failure, optionalText, toggle, wholeNumber, type SettingsOf } from '@titan/service'
import { command, type Session } from '../command.ts'
import { recorded } from '../commands/audit.ts'
import { confirm } from '../terminal.ts'
import { operator, paymentSetting } from './acts.ts'

const actSettings = {
  id: paymentSetting,
  key: optionalText(
    {
      flag: 'key',
      about: 'Idempotency key. Repeat a command whose response was lost with the key that it printed.',
      hint: 'text',
      shown: 'a new one, printed',
    },
    { form: /^[\u0021-\u007e]{1,255}$/, rule: '1 to 255 visible ASCII characters' },
  ),
  yes: toggle({ flag: 'yes', about: 'Skip the confirmation.' }, false),
  operator,
}

function amountSetting(about: string) {
  return wholeNumber<undefined>(
    { flag: 'amount', about },
    { fallback: undefined, min: 1, max: Number.MAX_SAFE_INTEGER },
  )
}

/** What the operator asks for. */
type Asked = SettingsOf<typeof actSettings> & {
  readonly amount?: number | undefined
  readonly reason?: string | undefined
  readonly charge?: string | undefined
}

/** `titan refunds create`. */
export const refundsCreate = command({
  name: 'titan refunds create',
  description:
    'Refund a payment: all that is left, or --amount of it. Moves money; workers do it. Code 1 if the payment does not allow it.',
  settings: {
    ...actSettings,
    amount: amountSetting('Amount in minor units. Default: all that is left.'),
    reason: optionalText(
      { flag: 'reason', about: 'Why, for your records.', hint: 'text' },
      { form: /^\P{Cc}{1,500}$/u, rule: '1 to 500 printable characters' },
    ),
    charge: optionalText(
      {
        flag: 'charge',
        about: 'Refund this late, second or wrong charge instead, whole, by the ID that the gateway gave it.',
        hint: 'id',
        shown: 'the charge that the payment succeeded with',
      },
      { form: /^\S{1,255}$/, rule: 'an ID of the gateway' },
    ),
  },
  groups: { config: databaseSettings, gateways: unmovableGatewaySettings },
  run: (asked, session) => move('refund', asked, session),
})

/** `titan payments capture`. */
export const paymentsCapture = command({
  name: 'titan payments capture',
  description:
    'Capture an authorized payment: all of it, or --amount of it. Moves money; workers do it. Code 1 if the payment does not allow it.',
  settings: {
    ...actSettings,
    amount: amountSetting('Amount in minor units; the rest is released. Default: all.'),
  },
  groups: { config: databaseSettings, gateways: unmovableGatewaySettings },
  run: (asked, session) => move('capture', asked, session),
})

/** `titan payments void`. */
export const paymentsVoid = command({
  name: 'titan payments void',
  description: 'Release an authorized payment; nothing is charged. Code 1 if the payment does not allow it.',
  settings: actSettings,
  groups: { config: databaseSettings, gateways: unmovableGatewaySettings },
  run: (asked, session) => move('void', asked, session),
})

/** Stores a movement after a confirmation; workers do what it asks for. */
async function move(
  kind: Movement['kind'],
  asked: Asked,
  session: Session & { readonly gateways: { open(): Promise<KnownGateways> } },
): Promise<boolean> {
  const { unmovable } = await session.gateways.open()
  const { id, amount, reason, yes, charge: chargeRef } = asked
  const { print, complain } = session
  const sql = await session.database()
  const store = createPaymentStore(sql)
  const payment = await store.get(id)
  if (payment === undefined) {
    complain(`no such payment: ${id}`)
    return false
  }
  if (!yes)
    await requireConfirmation(
      chargeRef === undefined
        ? questionOf(kind, payment, amount)
        : await chargeQuestion(store, id, chargeRef),
    )
  const key = asked.key ?? `cli-${randomUUID()}`
  const repeat = `run the same command with --key ${key}`
  // Before the act: its response may be lost together with the terminal.
  if (asked.key === undefined) complain(`to repeat it safely, ${repeat}`)
  const note = chargeRef === undefined ? `key ${key}` : `key ${key}, charge ${chargeRef}`
  const act = { action: `payment.${kind}`, target: id, operator: asked.operator, note }
  const answer = await recorded(
    sql,
    act,
    () => {
      const actor = `operator:${asked.operator}`
      const request = {
        kind,
        paymentId: id,
        amount,
        reason,
        chargeRef,
        unmovable,
        idempotencyKey: key,
        actor,
      }
      return store.createMovement(request)
    },
    (result) => outcomeOf(kind, result, chargeRef),
    repeat,
  )
  if ('movement' in answer) print(answer, () => outcomeOf(kind, answer))
  else complain(outcomeOf(kind, answer, chargeRef))
  return 'movement' in answer
}

function questionOf(kind: Movement['kind'], payment: Payment, amount: number | undefined): string {
  const { id, currency } = payment
  if (kind === 'void')
    return `release the authorization of ${payment.amount} ${currency} (minor units) of ${id}?`
  const most = kind === 'refund' ? payment.amountCaptured - payment.refundsReserved : payment.amount
  return `${kind} ${amount ?? most} of ${most} ${currency} (minor units) of ${id}?`
}

/** A charge that is refunded already has none that is open; a command that is repeated still finds its refund. */
async function chargeQuestion(
  store: ReturnType<typeof createPaymentStore>,
  id: string,
  chargeRef: string,
): Promise<string> {
  const breaks = await store.breaks(id)
  const open = breaks.find(({ reference, resolvedAt }) => reference === chargeRef && resolvedAt === null)
  const what = `charge ${chargeRef}, which contradicts ${id}`
  if (open === undefined || open.amount === null) return `refund ${what}?`
  return `refund ${open.amount} ${open.currency ?? ''} (minor units) of ${what}?`
}

async function requireConfirmation(question: string): Promise<void> {
  const isConfirmed = await confirm(question)
  if (isConfirmed === true) return
  throw new Failure(isConfirmed === false ? 'nothing was changed' : 'without a terminal, confirm with --yes')
}

function outcomeOf(kind: Movement['kind'], answer: CreateMovementAnswer, chargeRef?: string): string {
  if (answer.kind === 'mismatch') return 'refused: this key belongs to a different request'
  if (answer.kind === 'refused') return `refused: ${describeMovementRefusal(kind, answer, chargeRef)}`
  const { id, amount, currency, status } = answer.movement
  const asked = `${kind} ${id} of ${amount} ${currency} (minor units)`
  return answer.kind === 'created' ? `${asked} accepted` : `${asked} was accepted before and is ${status}`
}
