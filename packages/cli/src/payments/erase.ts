import { createPaymentStore, databaseSettings, type ErasureEffect } from '@titan/payments'
import { text } from '@titan/service'
import { eraseBodies } from '@titan/webhooks'
import { command } from '../command.ts'
import { recorded } from '../commands/audit.ts'
import { operator, paymentSetting } from './acts.ts'

const EFFECTS: Readonly<Record<ErasureEffect, string>> = {
  erased: 'erased: what the payment said, the bodies of its webhooks, and the responses to them',
  in_progress: 'refused: the payment, or a refund or capture of it, is not final; cancel it or wait',
  not_found: 'no such payment',
}

/** `titan payments erase`. */
export const paymentsErase = command({
  name: 'titan payments erase',
  description:
    'Erase the personal data and free text of a final payment, for good. Amounts, statuses and keys stay. Code 1 if refused.',
  settings: {
    id: paymentSetting,
    reason: text(
      {
        flag: 'reason',
        about:
          'Why, such as the ticket of the request; kept permanently, so without personal data; required.',
        hint: 'text',
        isRequired: true,
      },
      { form: /^\P{Cc}{3,2000}$/u, rule: '3 to 2000 printable characters' },
    ),
    operator,
  },
  groups: { config: databaseSettings },
  async run({ id, reason: note, ...own }, { database, print }) {
    const sql = await database()
    const effect = await recorded(
      sql,
      { action: 'payment.erase', target: id, note, operator: own.operator },
      () => createPaymentStore(sql).erase(id, eraseBodies),
      (result) => result,
    )
    print({ id, effect }, () => EFFECTS[effect])
    return effect === 'erased'
  },
})
