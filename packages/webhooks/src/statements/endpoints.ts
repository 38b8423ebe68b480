import type { EndpointChanges, WebhookEndpoint } from '../endpoint.ts'
import type { PageRequest } from '../delivery.ts'
import { toEndpoint, type EndpointRow } from './rows.ts'
import type { Database, Statements } from './sql.ts'

/** What the row of a new endpoint holds. */
export interface InsertedEndpoint {
  readonly id: string
  readonly url: string
  readonly description: string
  readonly eventTypes: readonly string[] | null
  readonly secret: Buffer
}

/** Inserts an endpoint; undefined when there are `limit` already. */
export async function insertEndpoint(
  sql: Statements,
  given: InsertedEndpoint,
  limit: number,
): Promise<WebhookEndpoint | undefined> {
  const { id, url, description, eventTypes, secret } = given
  const [row] = await sql<EndpointRow[]>`
    insert into webhook_endpoints (id, url, description, event_types, secret)
    select ${id}::text, ${url}::text, ${description}::text, ${eventTypes}::text[], ${secret}::bytea
     where (select count(*) from webhook_endpoints where deleted_at is null) < ${limit}::int
 returning *`
  return row && toEndpoint(row)
}

export async function getEndpoint(sql: Statements, id: string): Promise<WebhookEndpoint | undefined> {
  const [row] = await sql<EndpointRow[]>`
    select * from webhook_endpoints where id = ${id}::text and deleted_at is null`
  return row && toEndpoint(row)
}

export async function listEndpoints(
  sql: Statements,
  { after = '', limit = 50 }: PageRequest,
): Promise<WebhookEndpoint[]> {
  const rows = await sql<EndpointRow[]>`
    select * from webhook_endpoints
     where id > ${after}::text and deleted_at is null
     order by id limit ${boundedLimit(limit)}::int`
  return rows.map(toEndpoint)
}

/** A page never has more rows than this, whatever is asked for. */
export function boundedLimit(limit: number): number {
  return Math.max(1, Math.min(500, limit))
}

/** A new address begins with a clean record, and so does an endpoint that is enabled. */
export async function updateEndpoint(
  sql: Database,
  id: string,
  changes: EndpointChanges,
): Promise<WebhookEndpoint | undefined> {
  const { url = null, description = null, eventTypes, isEnabled = null } = changes
  const [row] = await sql<EndpointRow[]>`
    update webhook_endpoints e
       set url              = coalesce(${url}::text, url),
           description      = coalesce(${description}::text, description),
           event_types      = case when ${eventTypes === undefined}::boolean then event_types else ${eventTypes ?? null}::text[] end,
           disabled_at      = case ${isEnabled}::boolean when true then null
                                when false then coalesce(disabled_at, clock_timestamp()) else disabled_at end,
           disabled_reason  = case ${isEnabled}::boolean when true then null
                                when false then coalesce(disabled_reason, 'operator') else disabled_reason end,
           first_failure_at = case when fresh.start then null else first_failure_at end,
           failures         = case when fresh.start then 0 else failures end,
           paused_until     = case when fresh.start then null else paused_until end,
           updated_at       = clock_timestamp()
      from (select id, (coalesce(${url}::text, url) <> url or ${isEnabled}::boolean is true and disabled_at is not null) as start
              from webhook_endpoints where id = ${id}::text and deleted_at is null for no key update) fresh
     where e.id = fresh.id
 returning e.*`
  return row && toEndpoint(row)
}

/** Marks an endpoint as deleted and forgets its secrets. False when there is none. */
export async function deleteEndpoint(sql: Statements, id: string): Promise<boolean> {
  const rows = await sql`
    update webhook_endpoints
       set deleted_at = clock_timestamp(), secret = null, old_secret = null, old_secret_until = null,
           updated_at = clock_timestamp()
     where id = ${id}::text and deleted_at is null
 returning id`
  return rows.length === 1
}

/** What a rotation found. */
export type Rotation =
  | { readonly kind: 'rotated'; readonly oldSecretUntil: Date | null }
  | { readonly kind: 'overlap'; readonly waitMs: number }
  | { readonly kind: 'unknown' }

/** The present secret becomes the old one; at most one old one signs. */
export async function rotateSecret(
  sql: Database,
  id: string,
  { secret, overlapMs, isForced }: { secret: Buffer; overlapMs: number; isForced: boolean },
): Promise<Rotation> {
  const [row] = await sql<{ rotated: boolean; old_secret_until: Date | null; wait_ms: number }[]>`
    with target as (
      select id, secret, ${isForced}::boolean or coalesce(old_secret_until, '-infinity') <= clock_timestamp() as may,
             ceil(extract(epoch from old_secret_until - clock_timestamp()) * 1000)::float8 as wait_ms
        from webhook_endpoints where id = ${id}::text and deleted_at is null for no key update
    ), rotated as (
      update webhook_endpoints e
         set secret           = ${secret}::bytea,
             old_secret       = case when ${overlapMs}::float8 > 0 then target.secret end,
             old_secret_until = case when ${overlapMs}::float8 > 0
                                then clock_timestamp() + ${overlapMs}::float8 * interval '1 millisecond' end,
             updated_at       = clock_timestamp()
        from target
       where e.id = target.id and target.may
   returning e.id, e.old_secret_until
    )
    select rotated.id is not null as rotated, rotated.old_secret_until, coalesce(target.wait_ms, 0) as wait_ms
      from target left join rotated on rotated.id = target.id`
  if (row === undefined) return { kind: 'unknown' }
  if (!row.rotated) return { kind: 'overlap', waitMs: row.wait_ms }
  return { kind: 'rotated', oldSecretUntil: row.old_secret_until }
}
