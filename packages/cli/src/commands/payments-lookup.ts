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
import { writeAnswer } from '../output.ts'
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
    'Asks the gateway of GATEWAY about the open attempt of a payment in review. Charges nothing; a definite answer decides the payment. Code 1 when nothing was learned.',
  settings: {
    id: text(
      { flag: 'id', about: 'id of the payment', hint: 'pay_…' },
      '',
      /^[\w-]{1,100}$/,
      'the id of a payment',
    ),
    operator: text(
      { flag: 'operator', about: 'name of the operator', shown: 'the name of the user' },
      accountName(),
      /^\P{Cc}{1,100}$/u,
      '1 to 100 printable characters',
    ),
    json: jsonSetting,
    connectTimeoutMs: connectSetting,
  },
  words: 'id',
  groups: { config: databaseSettings, gateway: lookUpGatewaySettings },
  run: async ({ id, operator, json, connectTimeoutMs }, { config, gateway }) => {
    const name = 'titan payments lookup'
    if (id === '') {
      process.stderr.write(`${name}: give the id of the payment\n`)
      return EXIT.usage
    }
    return withOpener({ name, config, connectTimeoutMs }, async (open) => {
      if (gateway === undefined)
        throw new Failure(
          'GATEWAY and its settings must name a gateway, such as stripe, as the workers have them',
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
        writeAnswer(json, { id, ...answer }, () => `${answer.effect}: ${answer.reason}`)
        return answer.effect === 'refused' || answer.effect === 'unanswered' ? EXIT.failure : EXIT.ok
      } finally {
        await gateway.close?.()
      }
    })
  },
}
