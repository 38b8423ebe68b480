// The least that accepts a payment durably and enqueues it: one INSERT and one enqueueMany for all that wait at a moment.
// It has no events, no QUEUED, no rules in the database, no strict reading, no time limits, no tracing and no recovery.
import { randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { createQueue } from '@titan/queue-core'
import { Hono } from 'hono'
import postgres from 'postgres'
import { connect } from '../servers.ts'

interface Payment {
  readonly id: string
  readonly amount: number
  readonly key: string
}

const MAX_ROWS = 200

const [databaseUrl = '', redisUrl = ''] = process.argv.slice(2)
const sql = postgres(databaseUrl, { max: 10, onnotice: () => {} })
const redis = await connect(redisUrl)
const queue = createQueue<{ charge: { payment_id: string } }>(redis, 'bare')
await sql.unsafe(`create table if not exists bare_payments (
  id text primary key,
  amount bigint not null,
  status text not null,
  idempotency_key text unique not null
)`)

let waiting: {
  readonly payment: Payment
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}[] = []
let isBusy = false

function store(payment: Payment): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push({ payment, resolve, reject })
    queueMicrotask(() => void flush())
  })
}

async function flush(): Promise<void> {
  if (isBusy) return
  isBusy = true
  while (waiting.length > 0) {
    const batch = waiting.slice(0, MAX_ROWS)
    waiting = waiting.slice(MAX_ROWS)
    try {
      await insert(batch.map(({ payment }) => payment))
      for (const { resolve } of batch) resolve()
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
  isBusy = false
}

async function insert(payments: readonly Payment[]): Promise<void> {
  const created = await sql<{ id: string }[]>`
    insert into bare_payments (id, amount, status, idempotency_key)
    select id, amount, 'PENDING', key
      from unnest(${payments.map(({ id }) => id)}::text[], ${payments.map(({ amount }) => amount)}::bigint[],
                  ${payments.map(({ key }) => key)}::text[]) as given (id, amount, key)
        on conflict (idempotency_key) do nothing returning id`
  void queue
    .enqueueMany(created.map(({ id }) => ({ name: 'charge', data: { payment_id: id } })))
    .catch((error: unknown) => console.error(error))
}

const app = new Hono()
app.post('/pay', async (context) => {
  const body = await context.req.json<{ amount?: unknown; idempotency_key?: unknown }>()
  const { amount, idempotency_key: key } = body
  if (!Number.isSafeInteger(amount) || typeof key !== 'string')
    return context.json({ error: 'bad request' }, 400)
  const payment = { id: `pay_${randomUUID().replaceAll('-', '')}`, amount: Number(amount), key }
  await store(payment)
  return context.json({ payment_id: payment.id, amount: payment.amount, status: 'PENDING' }, 201)
})

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  process.stdout.write(`listens on http://127.0.0.1:${port}\n`),
)

process.once('SIGTERM', () => {
  server.close()
  void Promise.all([sql.end(), queue.close().then(() => redis.close())]).then(() => process.exit())
})
