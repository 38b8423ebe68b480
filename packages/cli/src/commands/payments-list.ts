import {
  createPaymentStore,
  PAYMENT_STATUSES,
  type ListFilter,
  type Payment,
  type PaymentStatus,
  type DatabaseConfig,
  databaseSettings,
} from '@titan/payments'
import { EXIT, FaultySetting, text, toggle, wholeNumber, type Program, type Setting } from '@titan/service'
import { connectSetting } from './connect-setting.ts'
import { timestampSetting } from './timestamp.ts'
import { formatTimestamp, formatTable, writeResult } from '../output.ts'
import { jsonSetting, version } from './queue.ts'
import { withOpener } from '../stores.ts'

/** The settings of `titan payments list`. */
export interface PaymentsListSettings {
  readonly status: PaymentStatus | ''
  readonly review: boolean
  readonly key: string
  readonly minAmount: number
  readonly maxAmount: number
  readonly since: Date | undefined
  readonly until: Date | undefined
  readonly after: string
  readonly limit: number
  readonly json: boolean
  readonly connectTimeoutMs: number
}

const status: Setting<PaymentStatus | ''> = {
  flag: 'status',
  hint: 'status',
  shown: '',
  fallback: '',
  about: `Status of the payments: ${PAYMENT_STATUSES.join(', ')}.`,
  parse: (given) => {
    const known = PAYMENT_STATUSES.find((candidate) => candidate === given.toUpperCase())
    if (known !== undefined) return known
    throw new FaultySetting(`must be one of ${PAYMENT_STATUSES.join(', ')}, got ${JSON.stringify(given)}`)
  },
}

function amount(flag: string, about: string, fallback: number): Setting<number> {
  return { ...wholeNumber({ flag, about, shown: '' }, { fallback, min: 0, max: 999_999_999_999_999 }) }
}

/** The program `titan payments list`. */
export const paymentsListProgram: Program<PaymentsListSettings, { readonly config: DatabaseConfig }> = {
  name: 'titan payments list',
  version,
  description: 'List payments, newest first.',
  settings: {
    status,
    review: toggle({ flag: 'review', about: 'Only payments in review, which wait for an operator.' }, false),
    key: text(
      { flag: 'key', about: 'Only the payment with this idempotency key.', hint: 'text' },
      { form: /^.{1,255}$/, rule: 'an idempotency key' },
    ),
    minAmount: amount('min-amount', 'Lowest amount, in minor units.', 0),
    maxAmount: amount('max-amount', 'Highest amount, in minor units.', Number.MAX_SAFE_INTEGER),
    since: timestampSetting(
      'since',
      'Only payments created at this time or later. A time or an age, such as 2h.',
    ),
    until: timestampSetting('until', 'Only payments created before this time. A time or an age, such as 2h.'),
    after: text(
      { flag: 'after', about: 'Last ID of the previous page, to continue after it.', hint: 'id' },
      { form: /^pay_[0-9a-f]{32}$/, rule: 'the id of a payment, as the previous page shows it' },
    ),
    limit: wholeNumber(
      { flag: 'limit', about: 'Maximum number of payments.' },
      { fallback: 50, min: 1, max: 499 },
    ),
    json: jsonSetting,
    connectTimeoutMs: connectSetting,
  },
  groups: { config: databaseSettings },
  run: (own, { config }) =>
    withOpener(
      { name: 'titan payments list', config, connectTimeoutMs: own.connectTimeoutMs },
      async (open) => {
        const store = createPaymentStore(await open.database())
        const { payments, next = null } = await store.page({ ...toFilter(own), limit: own.limit })
        writeResult(own.json, { payments, next }, () =>
          payments.length === 0 && next === null ? 'no such payments' : formatPayments(payments, next),
        )
        return EXIT.ok
      },
    ),
}

function toFilter(own: PaymentsListSettings): ListFilter {
  const { status, review, key, minAmount, maxAmount, since, until, after } = own
  return {
    ...(status === '' ? {} : { status }),
    ...(review ? { needsReview: true } : {}),
    ...(key === '' ? {} : { idempotencyKey: key }),
    ...(minAmount === 0 ? {} : { minAmount }),
    ...(maxAmount === Number.MAX_SAFE_INTEGER ? {} : { maxAmount }),
    ...(since === undefined ? {} : { createdAfter: since }),
    ...(until === undefined ? {} : { createdBefore: until }),
    ...(after === '' ? {} : { after }),
  }
}

function formatPayments(payments: readonly Payment[], next: string | null): string {
  const rows = payments.map((payment) => [
    payment.id,
    payment.needsReview ? `${payment.status}, in review` : payment.status,
    payment.amount,
    payment.currency,
    payment.retries,
    formatTimestamp(payment.createdAt),
    payment.failureCode,
    payment.idempotencyKey,
  ])
  const heads = ['id', 'status', 'amount', 'currency', 'retries', 'created', 'failure', 'idempotency key']
  const table = formatTable(heads, rows)
  return next === null ? table : `${table}\nthere are more: --after ${next}`
}
