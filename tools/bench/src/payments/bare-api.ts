// The least that we could write which stores a payment before it answers, and enqueues it: one INSERT and one enqueueMany
// for all that wait. It has no events, no QUEUED, no triggers, no answer to a repetition, no ids of jobs, no strict reading,
// no time limits, no tracing and no recovery.
import { randomUUIDv7 } from 'node:crypto'
import { createQueue } from '@titan/queue-core'
import postgres from 'postgres'
import { connect } from '../servers.ts'
import { comparedTable, servePay, type PayAnswer, type PayRequest } from './compared.ts'

interface Payment extends PayRequest {
  readonly id: string
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
await sql.unsafe(comparedTable('bare_payments'))

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

async function pay(request: PayRequest): Promise<PayAnswer> {
  const payment = { id: `pay_${randomUUIDv7().replaceAll('-', '')}`, ...request }
  if (!(await store(payment))) return { status: 409, body: { error: 'this key was used before' } }
  return { status: 201, body: { payment_id: payment.id, amount: payment.amount, status: 'PENDING' } }
}

servePay(pay, () => Promise.all([sql.end(), queue.close().then(() => redis.close())]))
