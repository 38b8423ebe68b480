// The plain design of such a system: one statement per step and request. INSERT, XADD, UPDATE, each waited for.
// It has no fences, no event rows, no request hash and no recovery, all of which would make it slower.
import { randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import postgres from 'postgres'
import { connect } from '../servers.ts'
import { STREAM, TABLE } from './per-step.ts'

const [databaseUrl = '', redisUrl = ''] = process.argv.slice(2)
const sql = postgres(databaseUrl, { max: 10, onnotice: () => {} })
const redis = await connect(redisUrl)
await sql.unsafe(TABLE)

const app = new Hono()
app.post('/pay', async (context) => {
  const body = await context.req.json<{ amount?: unknown; idempotency_key?: unknown }>()
  const { amount, idempotency_key: key } = body
  if (!Number.isSafeInteger(amount) || typeof key !== 'string')
    return context.json({ error: 'bad request' }, 400)
  const id = `pay_${randomUUID().replaceAll('-', '')}`
  const [created] = await sql<{ id: string; amount: number; status: string }[]>`
    insert into plain_payments (id, amount, status, idempotency_key)
    values (${id}, ${Number(amount)}, 'PENDING', ${key})
    on conflict (idempotency_key) do nothing returning id, amount::float8, status`
  if (created === undefined) {
    const [known] = await sql`
      select id, amount::float8, status from plain_payments where idempotency_key = ${key}`
    return context.json(
      { payment_id: known?.['id'], amount: known?.['amount'], status: known?.['status'] },
      200,
    )
  }
  await redis.xAdd(STREAM, '*', { payment_id: id })
  await sql`
    update plain_payments set status = 'QUEUED', updated_at = clock_timestamp()
    where id = ${id} and status = 'PENDING'`
  return context.json({ payment_id: id, amount: created.amount, status: created.status }, 201)
})

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  process.stdout.write(`listens on http://127.0.0.1:${port}\n`),
)

process.once('SIGTERM', () => {
  server.close()
  void Promise.all([sql.end(), redis.close()]).then(() => process.exit())
})
