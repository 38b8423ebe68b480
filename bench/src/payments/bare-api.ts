// The least that we could write which stores a payment before it answers, and enqueues it: one INSERT and one enqueueMany
// for all that wait. It has no events, no QUEUED, no triggers, no answer to a repetition, no ids of jobs, no strict reading,
// no time limits, no tracing and no recovery.
import { randomUUIDv7 } from 'node:crypto'
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

interface Waiting {
  readonly payment: Payment
  readonly resolve: (isNew: boolean) => void
  readonly reject: (error: unknown) => void
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
  idempotency_key text unique not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
)`)

let waiting: Waiting[] = []
let statements = 0

/** Answers whether the key is new. */
function store(payment: Payment): Promise<boolean> {
  return new Promise((resolve, reject) => {
    waiting.push({ payment, resolve, reject })
    queueMicrotask(flush)
  })
}

/** One statement at a time, a second one behind a full one. */
function flush(): void {
  while (waiting.length > 0 && (statements === 0 || (statements === 1 && waiting.length >= MAX_ROWS))) {
    const batch = waiting.slice(0, MAX_ROWS)
    waiting = waiting.slice(MAX_ROWS)
    statements++
    void write(batch).then(() => {
      statements--
      flush()
    })
  }
}

async function write(batch: readonly Waiting[]): Promise<void> {
  try {
    const created = await insert(batch.map(({ payment }) => payment))
    for (const { payment, resolve } of batch) resolve(created.has(payment.id))
    await queue.enqueueMany([...created].map((id) => ({ name: 'charge', data: { payment_id: id } })))
  } catch (error) {
    for (const { reject } of batch) reject(error)
  }
}

async function insert(payments: readonly Payment[]): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    insert into bare_payments (id, amount, status, idempotency_key)
    select id, amount, 'PENDING', key
      from unnest(${payments.map(({ id }) => id)}::text[], ${payments.map(({ amount }) => amount)}::bigint[],
                  ${payments.map(({ key }) => key)}::text[]) as given (id, amount, key)
        on conflict (idempotency_key) do nothing returning id`
  return new Set(rows.map(({ id }) => id))
}

const app = new Hono()
app.post('/pay', async (context) => {
  const body = await context.req.json<{ amount?: unknown; idempotency_key?: unknown }>()
  const { amount, idempotency_key: key } = body
  if (!Number.isSafeInteger(amount) || typeof key !== 'string')
    return context.json({ error: 'bad request' }, 400)
  const payment = { id: `pay_${randomUUIDv7().replaceAll('-', '')}`, amount: Number(amount), key }
  if (!(await store(payment))) return context.json({ error: 'this key was used before' }, 409)
  return context.json({ payment_id: payment.id, amount: payment.amount, status: 'PENDING' }, 201)
})

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  process.stdout.write(`listens on http://127.0.0.1:${port}\n`),
)

process.once('SIGTERM', () => {
  server.close()
  void Promise.all([sql.end(), queue.close().then(() => redis.close())]).then(() => process.exit())
})
