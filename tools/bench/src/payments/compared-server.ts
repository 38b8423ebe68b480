import { serve } from '@hono/node-server'
import { Hono } from 'hono'

/** What a client asks for. */
export interface PayRequest {
  readonly amount: number
  readonly key: string
}

/** What it is answered. */
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
