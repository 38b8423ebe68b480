import { createPaymentStore, openDatabase } from '@titan/payments'
import { WebhookStore, type EventFilter, type PageRequest } from '@titan/webhooks'
import { unavailable } from './problem.ts'

/** Options of {@link openLists}. */
export interface ListsOptions {
  /** Most connections. @default 3 */
  readonly poolSize?: number
  /** Longest run of one list, in milliseconds. @default 3000 */
  readonly statementTimeoutMs?: number
  /** Most lists that run or wait; more are answered 503 at once. @default 30 */
  readonly maxInFlight?: number
}

const DATABASE_GRACE_S = 1
/** What PostgreSQL answers to a statement that ran for too long. */
const QUERY_CANCELED = '57014'

/**
 * Opens the lists over a small pool, so that no reader makes a payment wait for a connection. A list that takes too
 * long, or that finds too many others, ends in a problem that says so.
 */
export function openLists(databaseUrl: string, options: ListsOptions = {}) {
  const { poolSize = 3, statementTimeoutMs = 3_000, maxInFlight = 30 } = options
  const sql = openDatabase(databaseUrl, { poolSize, applicationName: 'titan-api-lists', statementTimeoutMs })
  const payments = createPaymentStore(sql)
  // Reading needs no key: nothing that is shown is encrypted.
  const webhooks = new WebhookStore(sql, { encryptionKeys: [] })
  let inFlight = 0

  function bounded<Args extends unknown[], Page>(read: (...args: Args) => Promise<Page>) {
    return async (...args: Args) => {
      if (inFlight >= maxInFlight) throw unavailable('Too many lists are being read.')
      inFlight++
      try {
        return await read(...args)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === QUERY_CANCELED)) throw error
        const detail = `The list took longer than ${statementTimeoutMs} ms. Narrow it by time or status.`
        throw unavailable(detail, error)
      } finally {
        inFlight--
      }
    }
  }

  return {
    page: bounded(payments.page),
    summarize: bounded(payments.summarize),
    pageMovements: bounded(payments.pageMovements),
    deliveryPage: bounded(webhooks.deliveryPage.bind(webhooks)),
    listEndpoints: bounded((account: string, page: PageRequest) => webhooks.of(account).listEndpoints(page)),
    listEvents: bounded((account: string, filter: EventFilter) => webhooks.of(account).listEvents(filter)),
    close: () => sql.end({ timeout: DATABASE_GRACE_S }),
  }
}
