import { createPaymentStore, databaseSettings, PAYMENT_STATUSES, type Movement } from '@titan/payments'
import { choice, optionalText, text, wholeNumber } from '@titan/service'
import { command, requiredWords } from '../command.ts'
import { accountFact, accountSetting } from '../commands/accounts.ts'
import { timestampSetting } from '../commands/times.ts'
import { formatFacts, formatSections, formatTable, formatTimestamp } from '../output.ts'
import { formatAttempts, formatEvents } from './history.ts'

const status = choice(
  { flag: 'status', about: `Status of the refunds: ${PAYMENT_STATUSES.join(', ')}.`, hint: 'status' },
  PAYMENT_STATUSES,
  undefined,
)

/** What chooses refunds. */
export const refundFilter = {
  status: { ...status, parse: (given: string) => status.parse(given.toUpperCase()) },
  paymentId: optionalText(
    { flag: 'payment', about: 'Only the refunds of this payment.', hint: 'id' },
    { form: /^[\w-]{1,100}$/, rule: 'the id of one payment' },
  ),
  account: accountSetting('Only refunds of this account.'),
  createdAfter: timestampSetting('since', 'Only refunds created at this time or later.'),
  createdBefore: timestampSetting('until', 'Only refunds created before this time.'),
}

/** `titan refunds list`. */
export const refundsList = command({
  name: 'titan refunds list',
  description: 'List refunds, newest first.',
  settings: {
    ...refundFilter,
    after: optionalText(
      { flag: 'after', about: 'Last ID of the previous page, to continue after it.', hint: 'id' },
      { form: /^ref_[0-9a-f]{32}$/, rule: 'the id of a refund, as the previous page shows it' },
    ),
    limit: wholeNumber(
      { flag: 'limit', about: 'Maximum number of refunds.' },
      { fallback: 50, min: 1, max: 499 },
    ),
  },
  groups: { config: databaseSettings },
  async run({ json: _json, connectTimeoutMs: _timeout, ...filter }, { database, print }) {
    const store = createPaymentStore(await database())
    const { movements: refunds, next = null } = await store.pageMovements({ kind: 'refund', ...filter })
    print({ refunds, next }, () => {
      const table = formatTable(
        refunds.map((refund) => ({
          id: refund.id,
          payment: refund.paymentId,
          status: statusOf(refund),
          amount: refund.amount,
          currency: refund.currency,
          created: formatTimestamp(refund.createdAt),
          failure: refund.failureCode,
          'idempotency key': refund.idempotencyKey,
        })),
        'no such refunds',
      )
      return next === null ? table : `${table}\nthere are more: --after ${next}`
    })
    return true
  },
})

/** `titan refunds show`, which also shows captures and voids. */
export const refundsShow = command({
  name: 'titan refunds show',
  description: 'Show a refund, capture or void with its attempts and events. Code 1 if it does not exist.',
  settings: {
    id: text(
      requiredWords(
        'id',
        'ID of the refund.',
        'ref_…',
        'the id of the refund is missing: run titan refunds list',
      ),
      { form: /^[\w-]{1,100}$/, rule: 'the id of one refund' },
    ),
  },
  groups: { config: databaseSettings },
  async run({ id }, { database, print, complain }) {
    const store = createPaymentStore(await database())
    const movement = await store.movement(id)
    if (movement === undefined) {
      complain(`no such refund: ${id}`)
      return false
    }
    const [attempts, events] = await Promise.all([store.attempts(id), store.events(id)])
    print({ movement, attempts, events }, () =>
      formatSections({
        [`${movement.kind.charAt(0).toUpperCase()}${movement.kind.slice(1)} ${id}`]: formatFacts({
          payment: movement.paymentId,
          account: accountFact(movement),
          status: statusOf(movement),
          amount: `${movement.amount} ${movement.currency} (minor units)`,
          'idempotency key': movement.idempotencyKey,
          reason: movement.reason ?? undefined,
          'outcome unknown since': formatTimestamp(movement.unknownSince),
          failure: movement.failureKind === null ? null : `${movement.failureKind}: ${movement.failureCode}`,
          gateway: movement.gatewayRef,
          created: formatTimestamp(movement.createdAt),
          updated: formatTimestamp(movement.updatedAt),
        }),
        Attempts: formatAttempts(attempts),
        Events: formatEvents(events),
      }),
    )
    return true
  },
})

function statusOf({ status: of, needsReview }: Movement): string {
  return needsReview ? `${of}, in review` : of
}
