import {
  createPaymentStore,
  databaseSettings,
  lookUpAttempt,
  knownGatewaySettings,
  type RefundEffect,
} from '@titan/payments'
import { Failure, text } from '@titan/service'
import { command, requiredWords } from '../command.ts'
import { osUser, recorded } from '../commands/audit.ts'

/** `--id` of the payment that a command is about. */
export const paymentSetting = text(
  requiredWords(
    'id',
    'ID of the payment.',
    'pay_…',
    'the id of the payment is missing: run titan payments list',
  ),
  { form: /^[\w-]{1,100}$/, rule: 'the id of one payment' },
)

/** `--operator`: who is named in the history and in the audit record. */
export const operator = text(
  { flag: 'operator', about: 'Name of the operator.', shown: 'the user’s name' },
  { fallback: osUser(), form: /^\P{Cc}{1,100}$/u, rule: '1 to 100 printable characters' },
)

/** `titan payments lookup`. */
export const paymentsLookup = command({
  name: 'titan payments lookup',
  description:
    'Look up the open attempt of a payment in review at the gateway. Charges nothing; a definite result decides the payment. Code 1 without one.',
  settings: { id: paymentSetting, operator },
  groups: { config: databaseSettings, gateways: knownGatewaySettings },
  async run({ id, ...own }, { gateways: plan, database, print }) {
    const { lookUp: gateways } = await plan.open()
    if (gateways === undefined)
      throw new Failure(
        'GATEWAYS must name a gateway that supports lookups, such as stripe: use the settings of the workers',
      )
    const sql = await database()
    try {
      const answer = await recorded(
        sql,
        { action: 'payment.look-up', target: id, operator: own.operator },
        () => {
          const store = createPaymentStore(sql)
          return lookUpAttempt({ paymentId: id, actor: `operator:${own.operator}` }, { store, gateways })
        },
        ({ effect, reason }) => `${effect}: ${reason}`,
      )
      print({ id, ...answer }, () => `${answer.effect}: ${answer.reason}`)
      return answer.effect !== 'refused' && answer.effect !== 'unanswered'
    } finally {
      await gateways.close()
    }
  },
})

const EFFECTS: Readonly<Record<RefundEffect, string>> = {
  closed: 'the contradiction is closed; the payment stays as it is',
  failed: 'the contradiction is closed, and the payment is FAILED',
  refused: 'no open contradiction with this charge, or a worker holds the payment',
}

const REFERENCE = { form: /^\S{1,200}$/, rule: 'an ID of the gateway, without spaces' }

/** `titan payments refund`. */
export const paymentsRefund = command({
  name: 'titan payments refund',
  description:
    'Record a refund made at the gateway for a charge that contradicts its payment, or what undid a refund, capture or void that contradicts its record. Moves no money: to refund a payment, run titan refunds create.',
  settings: {
    id: paymentSetting,
    charge: text(
      {
        flag: 'charge',
        about: 'The gateway’s ID of the charge or movement, shown by titan payments show; required.',
        hint: 'id',
        isRequired: true,
      },
      REFERENCE,
    ),
    refund: text(
      { flag: 'refund', about: 'The gateway’s ID of the refund; required.', hint: 'id', isRequired: true },
      REFERENCE,
    ),
    note: text(
      {
        flag: 'note',
        about: 'Where to find the evidence, such as a ticket; kept permanently; required.',
        hint: 'text',
        isRequired: true,
      },
      { form: /^\P{Cc}{10,2000}$/u, rule: '10 to 2000 printable characters' },
    ),
    operator,
  },
  groups: { config: databaseSettings },
  async run({ id, charge, refund, note, ...own }, { database, print }) {
    const sql = await database()
    const effect = await recorded(
      sql,
      { action: 'payment.refund', target: id, note, operator: own.operator },
      () => {
        const given = { gatewayRef: charge, refundRef: refund, operator: own.operator, note }
        return createPaymentStore(sql).recordRefund(id, given)
      },
      (result) => result,
    )
    print({ id, effect }, () => EFFECTS[effect])
    return effect !== 'refused'
  },
})
