import { serve } from '@hono/node-server'
import { Hono } from 'hono'

/** The stream and consumer group of the plain design. */
export const STREAM = 'plain:jobs'
export const GROUP = 'workers'

/** Returns the statement that makes the table of a design which this project is compared with. */
export function comparedTable(name: 'plain_payments' | 'bare_payments'): string {
  return `create table if not exists ${name} (
  id text primary key,
  amount bigint not null,
  status text not null,
  idempotency_key text unique not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
)`
}

/** What a client asks for. */
export interface PayRequest {
  readonly amount: number
  readonly key: string
}

/** The response of a design. */
export interface PayAnswer {
  readonly status: 200 | 201 | 409
  readonly body: object
}

/** Serves `POST /pay` for the designs that this project is compared with, the same for each, until SIGTERM; then `close`s. */
export function servePay(
  pay: (request: PayRequest) => Promise<PayAnswer>,
  close: () => Promise<unknown>,
): void {
  const app = new Hono()
  app.post('/pay', async (context) => {
    const body = await context.req.json<{ amount?: unknown; idempotency_key?: unknown }>()
    const { amount, idempotency_key: key } = body
    if (!Number.isSafeInteger(amount) || typeof key !== 'string')
      return context.json({ error: 'bad request' }, 400)
    const answer = await pay({ amount: Number(amount), key })
    return context.json(answer.body, answer.status)
  })

  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
    process.stdout.write(`listens on http://127.0.0.1:${port}\n`),
  )

  process.once('SIGTERM', () => {
    server.close()
    void close().then(() => process.exit())
  })
}
