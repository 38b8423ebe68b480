import { createPaymentStore, openDatabase, type PaymentCounts } from '@titan/payments'

/** Counts payments over a separate connection: counting and payments must not wait for each other. */
export interface PaymentCounter {
  count(): Promise<PaymentCounts>
  /** Idempotent. */
  close(): Promise<void>
}

/** Bounds the cost of a count: a larger table is estimated, and counting a working status stops here. */
const LIMITS = { table: 10_000, working: 10_000 } as const
/** The server cancels a count that takes longer, in milliseconds. */
const STATEMENT_TIMEOUT_MS = 2_000

/** Creates a counter, which connects at its first count. */
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
