import { createPaymentStore, databaseSettings, DEFAULT_ACCOUNT, PAYMENT_STATUSES } from '@titan/payments'
import { choice, optionalText, toggle, wholeNumber, type Setting } from '@titan/service'
import { command } from '../command.ts'
import { formatTable, formatTimestamp } from '../output.ts'
import { accountSetting } from '../commands/accounts.ts'
import { timestampSetting } from '../commands/times.ts'
import { withoutSecret } from './record.ts'

const status = choice(
  { flag: 'status', about: `Status of the payments: ${PAYMENT_STATUSES.join(', ')}.`, hint: 'status' },
  PAYMENT_STATUSES,
  undefined,
)

function amount(flag: string, about: string): Setting<number | undefined> {
  return wholeNumber<undefined>({ flag, about }, { fallback: undefined, min: 0, max: 999_999_999_999_999 })
}

/** What chooses payments. */
export const paymentFilter = {
  status: { ...status, parse: (given: string) => status.parse(given.toUpperCase()) },
  review: toggle({ flag: 'review', about: 'Only payments in review, which wait for an operator.' }, false),
  account: accountSetting('Only payments of this account.'),
  idempotencyKey: optionalText(
    { flag: 'key', about: 'Only the payment with this idempotency key.', hint: 'text' },
    { form: /^.{1,255}$/, rule: 'an idempotency key' },
  ),
  reference: optionalText(
    { flag: 'reference', about: 'Only payments whose reference begins so.', hint: 'text' },
    { form: /^.{1,255}$/, rule: 'the beginning of a reference' },
  ),
  pair: optionalText(
    { flag: 'metadata', about: 'Only payments with this pair of the metadata.', hint: 'name=text' },
    { form: /^[^=]{1,40}=.{1,500}$/, rule: 'a pair such as cart=17' },
  ),
  gatewayRef: optionalText(
    { flag: 'gateway-ref', about: 'Only the payment with this ID of the gateway.', hint: 'id' },
    { form: /^\S{1,255}$/, rule: 'an ID of the gateway' },
  ),
  minAmount: amount('min-amount', 'Lowest amount, in minor units.'),
  maxAmount: amount('max-amount', 'Highest amount, in minor units.'),
  createdAfter: timestampSetting('since', 'Only payments created at this time or later.'),
  createdBefore: timestampSetting('until', 'Only payments created before this time.'),
}

/** `titan payments list`. */
export const paymentsList = command({
  name: 'titan payments list',
  description: 'List payments, newest first.',
  settings: {
    ...paymentFilter,
    after: optionalText(
      { flag: 'after', about: 'Last ID of the previous page, to continue after it.', hint: 'id' },
      { form: /^pay_[0-9a-f]{32}$/, rule: 'the id of a payment, as the previous page shows it' },
    ),
    limit: wholeNumber(
      { flag: 'limit', about: 'Maximum number of payments.' },
      { fallback: 50, min: 1, max: 499 },
    ),
  },
  groups: { config: databaseSettings },
  async run(given, { database, print }) {
    const store = createPaymentStore(await database())
    const { payments, next = null } = await store.page(filterOf(given))
    print({ payments: payments.map(withoutSecret), next }, () => {
      const hasReferences = payments.some(({ details }) => typeof details?.reference === 'string')
      const hasAccounts = payments.some(({ account }) => account !== DEFAULT_ACCOUNT)
      const rows = payments.map((payment) => ({
        id: payment.id,
        ...(hasAccounts && { account: payment.account }),
        status: payment.needsReview ? `${payment.status}, in review` : payment.status,
        amount: payment.amount,
        currency: payment.currency,
        retries: payment.retries,
        created: formatTimestamp(payment.createdAt),
        failure: payment.failureCode,
        'idempotency key': payment.idempotencyKey,
        ...(hasReferences && { reference: payment.details?.reference ?? null }),
      }))
      const table = formatTable(rows, 'no such payments')
      return next === null ? table : `${table}\nthere are more: --after ${next}`
    })
    return true
  },
})

/** Returns the filter of the store. */
export function filterOf<Given extends { readonly review: boolean; readonly pair: string | undefined }>({
  review,
  pair,
  ...filter
}: Given) {
  const at = pair?.indexOf('=') ?? 0
  const metadata = pair === undefined ? undefined : { [pair.slice(0, at)]: pair.slice(at + 1) }
  return { ...filter, metadata, needsReview: review || undefined }
}
