import {
  createPaymentStore,
  databaseSettings,
  formatSum,
  isTimeZone,
  MAX_SUMMARY,
  PaymentsError,
  SUMMARY_PERIODS,
} from '@titan/payments'
import { isInstance } from '@titan/queue-core/text-of'
import { choice, Failure, FaultySetting, text } from '@titan/service'
import { command } from '../command.ts'
import { accountSetting } from '../commands/accounts.ts'
import { timestampSetting } from '../commands/times.ts'
import { formatTable } from '../output.ts'

const timeZone = text(
  { flag: 'time-zone', about: 'Where a day begins, such as Europe/Berlin.', hint: 'zone' },
  { form: /^[\w+/-]{1,64}$/, rule: 'the name of a time zone', fallback: 'UTC' },
)
const DAY_MS = 86_400_000
const DEFAULT_DAYS = 30

/** `titan payments summary`. */
export const paymentsSummary = command({
  name: 'titan payments summary',
  description: 'Sum up payments by day or month, currency, status and gateway, in minor units.',
  settings: {
    createdAfter: timestampSetting(
      'since',
      `Payments created at this time or later. Default: ${DEFAULT_DAYS}d.`,
    ),
    createdBefore: timestampSetting('until', 'Payments created before this time. Default: now.'),
    by: choice(
      { flag: 'by', about: `Period of a row: ${SUMMARY_PERIODS.join(', ')}.`, hint: 'period' },
      SUMMARY_PERIODS,
      'day',
    ),
    timeZone: {
      ...timeZone,
      parse(given: string) {
        if (isTimeZone(given)) return given
        throw new FaultySetting(
          `must be the name of a time zone such as Europe/Berlin, got ${JSON.stringify(given)}`,
        )
      },
    },
    account: accountSetting('Only payments of this account.'),
  },
  groups: { config: databaseSettings },
  async run({ createdAfter, createdBefore, by, timeZone: zone, account }, { database, print, complain }) {
    const store = createPaymentStore(await database())
    const until = createdBefore ?? new Date()
    const since = createdAfter ?? new Date(until.getTime() - DEFAULT_DAYS * DAY_MS)
    const filter = { createdAfter: since, createdBefore: until, by, timeZone: zone, account }
    const groups = await store.summarize(filter).catch((error: unknown) => {
      throw isInstance(error, PaymentsError) ? new Failure(error.message, { cause: error }) : error
    })
    if (groups.length === MAX_SUMMARY)
      complain(`only the first ${MAX_SUMMARY} rows are shown: narrow the time`)
    const rows = groups.map(({ amount, amountCaptured, amountRefunded, ...group }) => ({
      ...group,
      amount: formatSum(amount),
      amountCaptured: formatSum(amountCaptured),
      amountRefunded: formatSum(amountRefunded),
    }))
    print({ since, until, timeZone: zone, rows }, () => formatTable(rows, 'no payments'))
    return groups.length < MAX_SUMMARY
  },
})
