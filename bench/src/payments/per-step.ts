/** The stream of the plain design. */
export const STREAM = 'plain:jobs'

/** The consumer group of the plain design. */
export const GROUP = 'workers'

/** The table of the plain design. */
export const TABLE = `create table if not exists plain_payments (
  id text primary key,
  amount bigint not null,
  status text not null,
  idempotency_key text unique not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
)`
