import type { Statements } from './sql.ts'

/** What waits to be sent, and which endpoints keep it waiting. */
export interface WebhookBacklog {
  /** Deliveries that are PENDING, counted up to 200,000. */
  readonly pending: number
  /** Events that are not deliveries yet, counted up to 200,000. */
  readonly waitingEvents: number
  /** Endpoints whose latest attempts failed, and that are not disabled. */
  readonly failingEndpoints: number
  readonly disabledEndpoints: number
  /** One of the first two has reached the limit of counting. */
  readonly isAtLeast: boolean
}

/** Rows that are counted at most, so that the cost of a count does not grow with the backlog. */
const MOST_COUNTED = 200_000

/** Counts at a bounded cost: pending deliveries have a partial index. */
export async function countBacklog(sql: Statements, most: number = MOST_COUNTED): Promise<WebhookBacklog> {
  const [row] = await sql<Omit<WebhookBacklog, 'isAtLeast'>[]>`
    select (select count(*) from (select from webhook_deliveries where status = 'PENDING' limit ${most}::int) few) as pending,
           (select count(*) from (select from webhook_outbox limit ${most}::int) few) as "waitingEvents",
           count(*) filter (where disabled_at is null and failures > 0) as "failingEndpoints",
           count(*) filter (where disabled_at is not null) as "disabledEndpoints"
      from webhook_endpoints where deleted_at is null`
  if (row === undefined) throw new RangeError('a count answers one row')
  return { ...row, isAtLeast: row.pending >= most || row.waitingEvents >= most }
}
