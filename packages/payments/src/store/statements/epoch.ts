import type { Database } from '../database.ts'

/** Which Redis holds the jobs: a random mark in its data, and the id of its process. */
export interface Epoch {
  readonly epoch: string
  /** Empty where the server does not tell. */
  readonly runId: string
}

/** The Redis that this database was last in step with. */
export async function readEpoch(sql: Database, queue: string): Promise<Epoch | undefined> {
  const [row] = await sql<{ epoch: string; run_id: string }[]>`
    select epoch, run_id from queue_epochs where queue = ${queue}::text`
  return row && { epoch: row.epoch, runId: row.run_id }
}

export async function writeEpoch(sql: Database, queue: string, { epoch, runId }: Epoch): Promise<void> {
  await sql`
    insert into queue_epochs (queue, epoch, run_id) values (${queue}::text, ${epoch}::text, ${runId}::text)
        on conflict (queue) do update set epoch = excluded.epoch, run_id = excluded.run_id, seen_at = clock_timestamp()`
}
