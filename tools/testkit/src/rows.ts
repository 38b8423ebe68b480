import type { Database } from '@titan/payments'

/**
 * Moves the events and attempts that are columns of their payments into separate rows, as versions before 0022 wrote
 * them. No trigger fires. Resolves after COMMIT.
 */
export async function writeAsRows(sql: Database, ids?: readonly string[]): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`
    await transaction`
      create temporary table moved on commit drop as
      select id from payments where ${ids === undefined} or id = any(${[...(ids ?? [])]}::text[])`
    await transaction`
      insert into payment_event_rows
      select h.* from payment_history h join moved on moved.id = h.payment_id
          on conflict (payment_id, seq) do nothing`
    await transaction`
      insert into payment_attempts
      select h.* from attempt_history h join moved on moved.id = h.payment_id
          on conflict (payment_id, attempt_no) do nothing`
    await transaction`
      update payments
         set created_by = null, queued_at = null, queued_by = null, claimed_at = null, claimed_by = null,
             ended_at = null
       where id in (select id from moved)`
  })
}
