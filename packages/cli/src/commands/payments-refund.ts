import { createPaymentStore, databaseSettings, type DatabaseConfig, type RefundEffect } from '@titan/payments'
import { EXIT, text, type Program } from '@titan/service'
import { connectSetting } from './connect-setting.ts'
import { writeResult } from '../output.ts'
import { jsonSetting, version } from './queue.ts'
import { accountName, recorded } from './recorded.ts'
import { withOpener } from '../stores.ts'

/** The settings of `titan payments refund`. */
export interface PaymentsRefundSettings {
  readonly id: string
  /** The gateway's id of the charge that contradicts the payment. */
  readonly charge: string
  /** The gateway's id of the refund. */
  readonly refund: string
  readonly note: string
  readonly operator: string
  readonly json: boolean
  readonly connectTimeoutMs: number
}

const REFERENCE = /^\S{1,200}$/
const NOTE = /^\P{Cc}{10,2000}$/u

const SAID: Readonly<Record<RefundEffect, string>> = {
  closed: 'the contradiction is closed; the payment stays as it is',
  failed: 'the contradiction is closed, and the payment is FAILED',
  refused: 'no open contradiction with this charge, or a worker holds the payment',
}

/** The program `titan payments refund`. */
export const paymentsRefundProgram: Program<PaymentsRefundSettings, { readonly config: DatabaseConfig }> = {
  name: 'titan payments refund',
  version,
  description: 'Record the refund of a charge that contradicts its payment. Moves no money.',
  settings: {
    id: text(
      { flag: 'id', takesWords: true, about: 'ID of the payment.', hint: 'pay_…' },
      { form: /^[\w-]{1,100}$/, rule: 'the id of a payment' },
    ),
    charge: text(
      {
        flag: 'charge',
        about: 'The gateway’s ID of the charge, shown by titan payments show; required.',
        hint: 'id',
      },
      { form: REFERENCE, rule: 'an ID of the gateway, without spaces' },
    ),
    refund: text(
      { flag: 'refund', about: 'The gateway’s ID of the refund; required.', hint: 'id' },
      { form: REFERENCE, rule: 'an ID of the gateway, without spaces' },
    ),
    note: text(
      {
        flag: 'note',
        about: 'Where to find the evidence, such as a ticket; kept permanently; required.',
        hint: 'text',
      },
      { form: NOTE, rule: '10 to 2000 printable characters' },
    ),
    operator: text(
      { flag: 'operator', about: 'Name of the operator.', shown: 'the user’s name' },
      { fallback: accountName(), form: /^\P{Cc}{1,100}$/u, rule: '1 to 100 printable characters' },
    ),
    json: jsonSetting,
    connectTimeoutMs: connectSetting,
  },
  groups: { config: databaseSettings },
  run: async ({ id, charge, refund, note, operator, json, connectTimeoutMs }, { config }) => {
    const name = 'titan payments refund'
    if ([id, charge, refund, note].includes('')) {
      process.stderr.write(`${name}: the payment, --charge, --refund and --note are required\n`)
      return EXIT.usage
    }
    return withOpener({ name, config, connectTimeoutMs }, async (open) => {
      const sql = await open.database()
      const effect = await recorded(
        sql,
        { action: 'payment.refund', target: id, note },
        () =>
          createPaymentStore(sql).recordRefund(id, { gatewayRef: charge, refundRef: refund, operator, note }),
        (result) => result,
        operator,
      )
      writeResult(json, { id, effect }, () => SAID[effect])
      return effect === 'refused' ? EXIT.failure : EXIT.ok
    })
  },
}
