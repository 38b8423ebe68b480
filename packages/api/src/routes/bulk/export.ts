import {
  EXPORT_FORMATS,
  MAX_SUMMARY,
  PAYMENT_EXPORT,
  PaymentsError,
  REFUND_EXPORT,
  type Exporter,
  type ExportFormat,
  type PaymentStore,
} from '@titan/payments'
import { isInstance } from '@titan/queue-core/text-of'
import type { Context } from 'hono'
import * as v from 'valibot'
import { accountOf, ofAccount } from '../../http/account.ts'
import { decodeCursor, encodeCursor } from '../../http/cursor.ts'
import type { AppEnv } from '../../http/env.ts'
import { respondJson } from '../../http/response.ts'
import { json, type ResponseSpec } from '../../openapi/operation.ts'
import { Problem } from '../../problem.ts'
import { described, oneOf, queryOf } from '../../schemas/parts.ts'
import { presentSummary, summaryQuery } from '../../schemas/summary.ts'
import { refundFilter } from '../movements.ts'
import { paymentFilter, paymentFilterOf } from '../payments.ts'
import { routesOf, type Route } from '../route.ts'

/** What the routes of reports work with. */
export interface ReportServices {
  readonly lists: Pick<PaymentStore, 'page' | 'pageMovements' | 'summarize'>
}

const MOST_ROWS = 500
const format = v.optional(described(oneOf(EXPORT_FORMATS), 'Default: csv'), 'csv')
const limit = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^\d{1,3}$/, `must be 1 to ${MOST_ROWS}`),
    v.transform(Number),
    v.number(),
    v.integer(),
    v.minValue(1, `must be 1 to ${MOST_ROWS}`),
    v.maxValue(MOST_ROWS, `must be 1 to ${MOST_ROWS}`),
    v.description(`Rows per page. Default: ${MOST_ROWS}`),
  ),
  String(MOST_ROWS),
)

const MEDIA_TYPES = { csv: 'text/csv; charset=utf-8', jsonl: 'application/x-ndjson' }
const FILE: ResponseSpec = {
  status: 200,
  description: 'One page; `Link` has the next',
  mediaType: 'text/csv',
  example: 'payment_id,status,amount,currency\r\n',
  headers: ['Link'],
}
const ABOUT =
  'The filters of the list. Only the first page has the header, so that pages put together are one file. A quote stands before what a spreadsheet would run as a formula. Amounts are in minor units.'
/** The longest time of a summary, in milliseconds. */
const MAX_SPAN_MS = 92 * 86_400_000

const on = routesOf<ReportServices>('Payments')
const ofRefunds = routesOf<ReportServices>('Refunds')

/** Exports and summaries. They come before the routes with an id at the same place. */
export const REPORT_ROUTES: readonly Route<ReportServices>[] = [
  on.get('/payments/export', {
    id: 'exportPayments',
    summary: 'Export payments',
    description: ABOUT,
    query: queryOf({ ...paymentFilter, format, limit }),
    responses: [FILE],
    problems: ['invalid-cursor'],
    async handle(context, { lists }, { limit: most, cursor, format: form, ...query }) {
      const filter = ofAccount(context, { export: form, ...query })
      const after = cursor === undefined ? undefined : decodeCursor(cursor, filter)
      const account = accountOf(context)
      const { payments, next } = await lists.page({ ...paymentFilterOf(query), account, limit: most, after })
      const page = { items: payments, next: next && encodeCursor(next, filter), isFirst: after === undefined }
      return respondFile(context, PAYMENT_EXPORT, form, page)
    },
  }),
  ofRefunds.get('/refunds/export', {
    id: 'exportRefunds',
    summary: 'Export refunds',
    description: ABOUT,
    query: queryOf({ ...refundFilter, format, limit }),
    responses: [{ ...FILE, example: 'refund_id,payment_id,status,amount,currency\r\n' }],
    problems: ['invalid-cursor'],
    async handle(context, { lists }, { limit: most, cursor, format: form, ...query }) {
      const filter = ofAccount(context, { export: form, list: 'refunds', ...query })
      const after = cursor === undefined ? undefined : decodeCursor(cursor, filter)
      const { movements, next } = await lists.pageMovements({
        account: accountOf(context),
        kind: 'refund',
        limit: most,
        after,
        status: query.status,
        paymentId: query.payment_id,
        createdAfter: query.created_after,
        createdBefore: query.created_before,
      })
      const page = {
        items: movements,
        next: next && encodeCursor(next, filter),
        isFirst: after === undefined,
      }
      return respondFile(context, REFUND_EXPORT, form, page)
    },
  }),
  on.get('/payments/summary', {
    id: 'summarizePayments',
    summary: 'Sum up payments',
    description:
      'By day or month of their creation, currency, status and gateway: the count and the exact sums. Currencies are never mixed.',
    query: summaryQuery,
    responses: [json(200, 'PaymentSummary', 'The sums, oldest first')],
    async handle(
      context,
      { lists },
      { created_after: since, created_before: until, by, time_zone: timeZone },
    ) {
      if (until.getTime() - since.getTime() > MAX_SPAN_MS)
        throw tooMuch('must be at most 92 days after created_after')
      const account = accountOf(context)
      const filter = { account, createdAfter: since, createdBefore: until, by, timeZone }
      const rows = await lists.summarize(filter).catch(refuseTimeZone)
      if (rows.length === MAX_SUMMARY) throw tooMuch(`gives more than ${MAX_SUMMARY} rows: narrow the time`)
      const headers = { 'cache-control': 'private, no-cache' }
      return respondJson(context, { data: rows.map(presentSummary) }, { headers })
    },
  }),
]

function refuseTimeZone(error: unknown): never {
  if (!isInstance(error, PaymentsError) || error.code !== 'UNKNOWN_TIME_ZONE') throw error
  const detail = 'is a time zone that the database does not have: use its present name'
  throw new Problem('validation-failed', { errors: [{ parameter: 'time_zone', detail }], cause: error })
}

function tooMuch(detail: string): Problem {
  return new Problem('validation-failed', { errors: [{ parameter: 'created_before', detail }] })
}

interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | undefined
  readonly isFirst: boolean
}

/** Responds with one page of a file, which is whole or an error. */
function respondFile<Item>(
  context: Context<AppEnv>,
  exporter: Exporter<Item>,
  form: ExportFormat,
  { items, next, isFirst }: Page<Item>,
): Response {
  const headers: Record<string, string> = {
    'content-type': MEDIA_TYPES[form],
    'cache-control': 'private, no-cache',
    'content-disposition': `attachment; filename="export.${form}"`,
  }
  if (next !== undefined) {
    const url = new URL(context.req.url)
    url.searchParams.set('cursor', next)
    headers['link'] = `<${url.pathname}${url.search}>; rel="next"`
  }
  return context.body((isFirst ? exporter.head(form) : '') + exporter.lines(items, form), 200, headers)
}
