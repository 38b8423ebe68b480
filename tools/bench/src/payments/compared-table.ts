/** The statement that makes the table of a design which this project is compared with. */
export function comparedTable(name: string): string {
  return `create table if not exists ${name} (
  id text primary key,
  amount bigint not null,
  status text not null,
  idempotency_key text unique not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
)`
}
