// The plain design of such a system: one statement per step and request. INSERT, XADD, UPDATE, each waited for.
// It has no fences, no event rows, no request hash and no recovery, all of which would make it slower.
import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { connect } from '../servers.ts'
import { comparedTable, servePay, STREAM, type PayAnswer, type PayRequest } from './compared.ts'

const [databaseUrl = '', redisUrl = ''] = process.argv.slice(2)
const sql = postgres(databaseUrl, { max: 10, onnotice: () => {} })
const redis = await connect(redisUrl)
await sql.unsafe(comparedTable('plain_payments'))

async function pay({ amount, key }: PayRequest): Promise<PayAnswer> {
  const id = `pay_${randomUUID().replaceAll('-', '')}`
  const [created] = await sql<{ id: string; amount: number; status: string }[]>`
    insert into plain_payments (id, amount, status, idempotency_key)
    values (${id}, ${amount}, 'PENDING', ${key})
    on conflict (idempotency_key) do nothing returning id, amount::float8, status`
  if (created === undefined) {
    const [known] = await sql`
      select id as payment_id, amount::float8, status from plain_payments where idempotency_key = ${key}`
    return { status: 200, body: { ...known } }
  }
  await redis.xAdd(STREAM, '*', { payment_id: id })
  await sql`
    update plain_payments set status = 'QUEUED', updated_at = clock_timestamp()
    where id = ${id} and status = 'PENDING'`
  return { status: 201, body: { payment_id: id, amount: created.amount, status: created.status } }
}

servePay(pay, () => Promise.all([sql.end(), redis.close()]))
