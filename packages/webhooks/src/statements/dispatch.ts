import type { Database, Statements } from './sql.ts'

/** A delivery that is to be sent now. */
export interface Dispatch {
  readonly deliveryId: number
  /** Which handing-over of the delivery this is. */
  readonly dispatchNo: number
  /** The trace of the payment that it tells of. */
  readonly traceparent?: string
}

/** How much to hand over, and for how long. */
export interface DispatchBatch {
  readonly limit: number
  /** After so long without a result a delivery is due again, in milliseconds. */
  readonly leaseMs: number
  /** Most deliveries of one endpoint that are under way at the same time. */
  readonly maxPerEndpoint: number
}

/** Any number will do, as long as every program of this project uses the same. */
const LOCK = 7_414_210

/**
 * Takes deliveries that are due, every endpoint's first before anybody's second. An endpoint never has more than its
 * share under way: `maxPerEndpoint`, halved by each failure in a row, and none while it is paused. So what waits for a dead
 * endpoint waits in this table, in nobody's way. One program at a time; answers nothing to the others.
 */
export async function dispatchDue(sql: Database, batch: DispatchBatch): Promise<Dispatch[]> {
  const { limit, leaseMs, maxPerEndpoint } = batch
  return sql.begin(async (transaction) => {
    // A statement of its own, so that the next one sees what the program before has taken.
    const [lock] = await transaction<[{ held: boolean }]>`select pg_try_advisory_xact_lock(${LOCK}) as held`
    if (!lock.held) return []
    const rows = await transaction<{ id: number; dispatches: number; traceparent: string | null }[]>`
      with room as (
        select e.id, greatest(0, greatest(1, ${maxPerEndpoint}::int >> least(e.failures, 30)) - (
                 select count(*) from webhook_deliveries
                  where endpoint_id = e.id and leased_until is not null and leased_until > clock_timestamp()
               )) as free
          from webhook_endpoints e
         where e.disabled_at is null and e.deleted_at is null
           and (e.paused_until is null or e.paused_until <= clock_timestamp())
      ), due as (
        select d.id, d.next_attempt_at,
               row_number() over (partition by room.id order by d.next_attempt_at, d.id) as place
          from room
         cross join lateral (
           select id, next_attempt_at from webhook_deliveries
            where endpoint_id = room.id and status = 'PENDING' and next_attempt_at <= clock_timestamp()
              and (leased_until is null or leased_until <= clock_timestamp())
            order by next_attempt_at
            limit room.free
              for update skip locked
         ) d
      ), chosen as (
        select id from due order by place, next_attempt_at, id limit ${limit}::int
      )
      update webhook_deliveries d
         set leased_until = clock_timestamp() + ${leaseMs}::float8 * interval '1 millisecond',
             dispatches   = d.dispatches + 1
        from chosen
       where d.id = chosen.id
   returning d.id, d.dispatches,
             (select p.traceparent from webhook_events e join payments p on p.id = e.payment_id where e.id = d.event_id)`
    return rows.map(({ id, dispatches, traceparent }) => ({
      deliveryId: id,
      dispatchNo: dispatches,
      ...(traceparent !== null && { traceparent }),
    }))
  })
}

/** Gives back what could not be handed over. */
export async function releaseDispatches(sql: Statements, dispatches: readonly Dispatch[]): Promise<void> {
  await sql`
    update webhook_deliveries d
       set leased_until = null
      from unnest(${dispatches.map(({ deliveryId }) => deliveryId)}::bigint[],
                  ${dispatches.map(({ dispatchNo }) => dispatchNo)}::int[]) as given (id, dispatch_no)
     where d.id = given.id and d.dispatches = given.dispatch_no and d.status = 'PENDING'`
}

/** Ends deliveries that are due at endpoints that get nothing any more; answers how many. They can be sent again by hand. */
export async function failUnsendable(sql: Statements, limit: number): Promise<number> {
  const rows = await sql`
    with target as (
      select d.id, case when e.deleted_at is null then 'endpoint_disabled' else 'endpoint_deleted' end as reason
        from webhook_endpoints e
       cross join lateral (
         select id from webhook_deliveries
          where endpoint_id = e.id and status = 'PENDING' and next_attempt_at <= clock_timestamp()
            and (leased_until is null or leased_until <= clock_timestamp())
          order by next_attempt_at
          limit ${limit}::int
            for update skip locked
       ) d
       where e.disabled_at is not null or e.deleted_at is not null
       limit ${limit}::int
    )
    update webhook_deliveries d
       set status = 'FAILED', next_attempt_at = null, leased_until = null, last_error = target.reason,
           updated_at = clock_timestamp()
      from target
     where d.id = target.id
 returning d.id`
  return rows.length
}

/** Everything that one attempt needs. */
export interface Sendable {
  readonly deliveryId: number
  readonly dispatchNo: number
  readonly endpointId: string
  readonly url: string
  readonly eventId: string
  readonly payload: string
  /** Attempts of this run through the schedule so far. */
  readonly tries: number
  /** Sealed; the new one first. */
  readonly secrets: readonly Buffer[]
}

interface SendableRow {
  readonly tries: number
  readonly endpoint_id: string
  readonly url: string
  readonly event_id: string
  readonly payload: string
  readonly secret: Buffer
  readonly old_secret: Buffer | null
}

/** The delivery, if this handing-over is still the one that counts; its lease begins again. */
export async function loadSendable(
  sql: Statements,
  { deliveryId, dispatchNo }: Dispatch,
  leaseMs: number,
): Promise<Sendable | undefined> {
  const [row] = await sql<SendableRow[]>`
    update webhook_deliveries d
       set leased_until = clock_timestamp() + ${leaseMs}::float8 * interval '1 millisecond'
      from webhook_endpoints e, webhook_events event
     where d.id = ${deliveryId}::bigint and d.dispatches = ${dispatchNo}::int and d.leased_until is not null
       and e.id = d.endpoint_id and e.disabled_at is null and e.deleted_at is null
       and event.id = d.event_id
 returning d.tries, d.endpoint_id, e.url, d.event_id, event.payload, e.secret,
           case when e.old_secret_until > clock_timestamp() then e.old_secret end as old_secret`
  if (row === undefined) return undefined
  return {
    deliveryId,
    dispatchNo,
    endpointId: row.endpoint_id,
    url: row.url,
    eventId: row.event_id,
    payload: row.payload,
    tries: row.tries,
    secrets: row.old_secret === null ? [row.secret] : [row.secret, row.old_secret],
  }
}
