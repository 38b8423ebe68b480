import {
  createPaymentStore,
  databaseSettings,
  lookUpAttempt,
  lookUpGatewaySettings,
  type Gateway,
  type DatabaseConfig,
} from '@titan/payments'
import { EXIT, Failure, text, type Program } from '@titan/service'
import { connectSetting } from './connect-setting.ts'
import { writeResult } from '../output.ts'
import { accountName, recorded } from './recorded.ts'
import { jsonSetting, version } from './queue.ts'
import { withOpener } from '../stores.ts'

/** The settings of `titan payments lookup`. */
export interface PaymentsLookupSettings {
  readonly id: string
  readonly operator: string
  readonly json: boolean
  readonly connectTimeoutMs: number
}

/** What the command loads from the environment. */
export interface PaymentsLookupConfig {
  readonly config: DatabaseConfig
  /** Undefined when the environment names none that can be asked from another process. */
  readonly gateway: Gateway | undefined
}

/** The program `titan payments lookup`. */
export const paymentsLookupProgram: Program<PaymentsLookupSettings, PaymentsLookupConfig> = {
  name: 'titan payments lookup',
  version,
  description:
    'Look up the open attempt of a payment in review at the gateway. Charges nothing; a definite result decides the payment. Code 1 without one.',
  settings: {
    id: text(
      { flag: 'id', takesWords: true, about: 'ID of the payment.', hint: 'pay_…' },
      { form: /^[\w-]{1,100}$/, rule: 'the id of a payment' },
    ),
    operator: text(
      { flag: 'operator', about: 'Name of the operator.', shown: 'the user’s name' },
      { fallback: accountName(), form: /^\P{Cc}{1,100}$/u, rule: '1 to 100 printable characters' },
    ),
    json: jsonSetting,
    connectTimeoutMs: connectSetting,
  },
  groups: { config: databaseSettings, gateway: lookUpGatewaySettings },
  run: async ({ id, operator, json, connectTimeoutMs }, { config, gateway }) => {
    const name = 'titan payments lookup'
    if (id === '') {
      process.stderr.write(`${name}: the payment is missing: ${name} PAYMENT_ID\n`)
      return EXIT.usage
    }
    return withOpener({ name, config, connectTimeoutMs }, async (open) => {
      if (gateway === undefined)
        throw new Failure(
          'GATEWAY must name a gateway that supports lookups, such as stripe: use the settings of the workers',
        )
      const sql = await open.database()
      try {
        const look = { paymentId: id, actor: `operator:${operator}` }
        const answer = await recorded(
          sql,
          { action: 'payment.look-up', target: id },
          () => lookUpAttempt(look, { store: createPaymentStore(sql), gateway }),
          ({ effect, reason }) => `${effect}: ${reason}`,
          operator,
        )
        writeResult(json, { id, ...answer }, () => `${answer.effect}: ${answer.reason}`)
        return answer.effect === 'refused' || answer.effect === 'unanswered' ? EXIT.failure : EXIT.ok
      } finally {
        await gateway.close?.()
      }
    })
  },
}
