import { createPaymentStore, openDatabase, type PaymentCounts } from '@titan/payments'

/** Counts payments over a connection of its own, so that counting neither waits for payments nor holds them up. */
export interface PaymentCounter {
  count(): Promise<PaymentCounts>
  /** Idempotent. */
  close(): Promise<void>
}

/** Counted at a bounded cost: a table of more rows is estimated, and of each working state no more are counted. */
const LIMITS = { table: 10_000, working: 10_000 } as const
/** A count that takes longer is ended by the server, in milliseconds. */
const STATEMENT_TIMEOUT_MS = 2_000

/** Opens a counter; nothing is sent before the first count. */
export function createPaymentCounter(databaseUrl: string): PaymentCounter {
  const sql = openDatabase(databaseUrl, {
    poolSize: 1,
    applicationName: 'titan-metrics',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    connectTimeoutMs: STATEMENT_TIMEOUT_MS,
  })
  const store = createPaymentStore(sql)
  return { count: () => store.counts(LIMITS), close: () => sql.end({ timeout: 0 }) }
}
