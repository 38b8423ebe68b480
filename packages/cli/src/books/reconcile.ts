import {
  compareBooks,
  createPaymentStore,
  databaseSettings,
  knownGatewaySettings,
  PaymentsError,
  SETTLE_MS,
  type ComparisonReport,
  type Database,
  type FoundDifference,
  type Gateway,
  type Gateways,
} from '@titan/payments'
import { isInstance } from '@titan/queue-core/text-of'
import { Failure, milliseconds, optionalText } from '@titan/service'
import { command } from '../command.ts'
import { timestampSetting } from '../commands/times.ts'
import { formatFacts, formatSections, formatTable, formatTimestamp } from '../output.ts'
import { withProgress } from '../terminal.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

/** `titan reconcile`. */
export const reconcileCommand = command({
  name: 'titan reconcile',
  description:
    'Compare the list of a gateway with the payments, and record the differences. Moves no money. Code 1 when they differ.',
  settings: {
    gateway: optionalText(
      { flag: 'gateway', about: 'Name of the gateway.', shown: 'that of GATEWAYS, when it names one' },
      { form: /^[\w.:-]{1,100}$/, rule: 'the name of a gateway' },
    ),
    since: timestampSetting('since', 'Start of the span to compare; by default a day before its end.'),
    until: timestampSetting('until', 'End of the span; by default, and at the latest, the settle time ago.'),
    settleMs: milliseconds(
      { flag: 'settle-ms', about: 'Age from which records are compared, because lists of gateways lag.' },
      { fallback: SETTLE_MS, min: 0, max: DAY_MS },
    ),
  },
  groups: { config: databaseSettings, known: knownGatewaySettings },
  async run({ gateway: name, settleMs, ...span }, { known, database, print }) {
    const { lookUp: gateways } = await known.open()
    try {
      const gateway = gatewayWithList(gateways, name)
      const sql = await database()
      const { since, until } = await spanOf(sql, span, settleMs)
      const store = createPaymentStore(sql)
      const total = minutesOf(since, until)
      const report = await withProgress('minutes', total, (onProgress) =>
        compareBooks({
          store,
          gateway,
          since,
          until,
          async onProgress(doneUntil) {
            onProgress(minutesOf(since, doneUntil), total)
            return true
          },
        }),
      )
      print(report, () => formatReport(report))
      return report.differences === 0
    } catch (error) {
      throw isInstance(error, PaymentsError) ? new Failure(error.message, { cause: error }) : error
    } finally {
      await gateways?.close()
    }
  },
})

/** @throws Failure */
function gatewayWithList(gateways: Gateways | undefined, wanted: string | undefined): Gateway {
  const names = gateways?.names.filter((name) => gateways.get(name)?.list !== undefined) ?? []
  const [name = '', ...others] = names.filter((one) => wanted === undefined || one === wanted)
  const gateway = gateways?.get(name)
  if (gateway === undefined)
    throw new Failure(
      `GATEWAYS must name ${wanted ?? 'a gateway'} with a list to compare: use the settings of the workers`,
    )
  if (others.length > 0) throw new Failure(`--gateway must be one of ${names.join(', ')}`)
  return gateway
}

interface GivenSpan {
  readonly since: Date | undefined
  readonly until: Date | undefined
}

/** Returns the span to compare, by the clock of PostgreSQL. */
async function spanOf(sql: Database, given: GivenSpan, settleMs: number) {
  const [clock] = await sql<{ now: Date }[]>`select clock_timestamp() as now`
  const latest = new Date((clock?.now.getTime() ?? Date.now()) - settleMs)
  const until = given.until !== undefined && given.until < latest ? given.until : latest
  const since = given.since ?? new Date(until.getTime() - DAY_MS)
  if (since < until) return { since, until }
  throw new Failure(`--since must be earlier than ${until.toISOString()}, the end of the span`)
}

function minutesOf(from: Date, to: Date): number {
  return Math.ceil((to.getTime() - from.getTime()) / MINUTE_MS)
}

function formatReport({ found, ...report }: ComparisonReport): string {
  return formatSections({
    [`Books of ${report.gateway}`]: formatFacts({
      span: `${formatTimestamp(report.since)} to ${formatTimestamp(report.until)}`,
      'records of the gateway': `${report.records}: ${report.compared} ours, ${report.foreign} of other business`,
      'successes here': report.moved,
      'under way': report.open,
      'recorded from the gateway': report.reported,
      'not compared': report.unchecked,
      'closed differences': report.closed,
      differences: `${report.differences}, ${report.recorded} of them new`,
    }),
    Differences: formatTable(found.map(toRow), 'none'),
  })
}

function toRow({ kind, paymentId, reference, isNew }: FoundDifference) {
  return { kind, payment: paymentId ?? '–', reference, recorded: isNew ? 'now' : 'before' }
}
