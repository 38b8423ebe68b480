import { createPaymentStore, openDatabase, type Database, type PaymentCounts } from '@titan/payments'

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
/** A connection that is silent for so long is given up for a new one, in milliseconds: the server would have spoken. */
const SILENT_MS = 5_000

/** Opens a counter; nothing is sent before the first count. */
export function createPaymentCounter(databaseUrl: string): PaymentCounter {
  let sql: Database | undefined

  function open(): Database {
    return openDatabase(databaseUrl, {
      poolSize: 1,
      applicationName: 'titan-metrics',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      connectTimeoutMs: STATEMENT_TIMEOUT_MS,
    })
  }

  async function close(): Promise<void> {
    const opened = sql
    sql = undefined
    await opened?.end({ timeout: 0 })
  }

  return {
    async count() {
      sql ??= open()
      const timer = setTimeout(() => void close(), SILENT_MS)
      try {
        // Ending the connection rejects what waits for it.
        return await createPaymentStore(sql).counts(LIMITS)
      } finally {
        clearTimeout(timer)
      }
    },
    close,
  }
}
