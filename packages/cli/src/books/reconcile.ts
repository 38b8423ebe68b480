import {
  compareBooks,
  createPaymentStore,
  databaseSettings,
  knownGatewaySettings,
  type ComparisonReport,
  type FoundDifference,
} from '@titan/payments'
import { optionalText } from '@titan/service'
import { webhooksSettings } from '@titan/webhooks'
import { command } from '../command.ts'
import { formatFacts, formatSections, formatTable, formatTimestamp } from '../output.ts'
import { withProgress } from '../terminal.ts'
import { withListedGateway } from './listed-gateway.ts'
import { spanOf, spanSettings } from './span.ts'

const MINUTE_MS = 60_000

/** `titan reconcile`. */
export const reconcileCommand = command({
  name: 'titan reconcile',
  description:
    'Compare the list of a gateway with the payments, and record the differences. Moves no money. Code 1 when they differ.',
  settings: {
    gateway: optionalText(
      {
        flag: 'gateway',
        about: 'Name of the gateway, or of a place such as stripe@acme.1.',
        shown: 'that of GATEWAYS, when it names one',
      },
      { form: /^[\w.:@-]{1,100}$/, rule: 'the name of a gateway or place' },
    ),
    ...spanSettings,
  },
  groups: { config: databaseSettings, known: knownGatewaySettings, webhooks: webhooksSettings },
  async run({ gateway: wanted, ...given }, { known, webhooks, database, print }) {
    const sql = await database()
    return withListedGateway({ known, wanted, sql, webhooks }, async (gateway) => {
      const { since, until } = await spanOf(sql, given)
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
    })
  },
})

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
