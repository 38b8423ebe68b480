import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openDatabase } from '@titan/payments'
import { eventually, spawnProgram } from '@titan/testkit'
import { eraseBodies } from '@titan/webhooks'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { startReceiver } from '../../webhooks/test/support/receiver.ts'
import { readDatabase, readRedis } from './support/everything.ts'
import { isReady, openRig, PATIENT, type Rig } from './support/rig.ts'

const CANARY = 'canary_of_ann'
const SAID = {
  payment_method: { stripe: `pm_${CANARY}1` },
  customer: `cus_${CANARY}2`,
  reference: `order ${CANARY}3`,
  description: `for ${CANARY}4`,
  statement_descriptor: CANARY,
  metadata: { who: `${CANARY}6` },
  return_url: `https://shop.example/${CANARY}7`,
  customer_present: true,
}

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterAll(() => rig.close())

/** Starts a gateway that repeats everything it is sent in an error that it explains. */
async function startRepeating(): Promise<string> {
  const server = createServer((request, response) => {
    let form = ''
    request.on('data', (chunk: Buffer) => (form += chunk.toString()))
    request.on('end', () => {
      const message = [...new URLSearchParams(form).values()].filter((one) => one.includes(CANARY)).join(' ')
      response.writeHead(400, { 'content-type': 'application/json' })
      const error = { type: 'invalid_request_error', code: 'resource_missing', param: 'amount', message }
      response.end(JSON.stringify({ error }))
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

it(
  'what a payment said is in one table and in the bodies of its webhooks, and after the erasure nowhere',
  { timeout: 180_000 },
  async () => {
    // A receiver that repeats the body, and asks for it once more.
    const receiver = await startReceiver((response, { body }, number) => {
      response.writeHead(number === 1 ? 500 : 200).end(body)
    })
    const env = {
      ...rig.env,
      LOG_LEVEL: 'debug',
      WEBHOOK_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      WEBHOOK_ALLOW_HTTP: 'true',
      WEBHOOK_ALLOWED_PORTS: String(receiver.port),
      WEBHOOK_ALLOWED_SUBNETS: '127.0.0.0/8',
      GATEWAY: 'stripe',
      STRIPE_SECRET_KEY: 'sk_test_titan',
      STRIPE_API_BASE: await startRepeating(),
    }
    const api = spawnProgram('api', ['--port', '0'], env)
    const worker = spawnProgram('worker', ['--consumer', 'c1'], env)
    await Promise.all([isReady(api), isReady(worker)])
    const url = /http:\S+/.exec(api.stdout())?.[0] ?? ''
    const post = (path: string, body: object): Promise<Response> =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    await post('/webhook-endpoints', {
      url: receiver.url,
      event_types: ['payment.created', 'payment.failed'],
    })

    const accepted = await post('/pay', { amount: 500, idempotency_key: 'erased', ...SAID })
    const { payment_id: id } = (await accepted.json()) as { payment_id: string }
    await eventually(() => expect(receiver.received.length).toBeGreaterThan(1), PATIENT)
    await rig.reaches(id, 'FAILED')
    await eventually(
      () => expect(receiver.received.some(({ body }) => body.includes('payment.failed'))).toBe(true),
      PATIENT,
    )

    const sql = openDatabase(rig.env['DATABASE_URL'] ?? '', { poolSize: 1 })
    onTestFinished(() => sql.end({ timeout: 1 }))
    const delivered = () =>
      sql`select from webhook_deliveries where status = 'PENDING' or leased_until is not null`
    await eventually(async () => expect(await delivered()).toEqual([]), PATIENT)
    for (const { process, exited } of [api, worker]) {
      process.kill('SIGTERM')
      await exited
    }

    expect(await readDatabase(rig.env)).toContain(CANARY)
    const logs = api.stdout() + api.stderr() + worker.stdout() + worker.stderr()
    expect(logs).toContain(id)
    const rows = async (table: string) =>
      (await sql<{ row: string }[]>`select t::text as row from ${sql(table)} t`)
        .map(({ row }) => row)
        .join('\n')
    expect(await rows('payment_event_rows')).not.toContain(CANARY)
    expect(await rows('payment_attempts')).not.toContain(CANARY)
    expect(logs).not.toContain(CANARY)

    expect(await rig.store.erase(id, eraseBodies)).toBe('erased')
    expect(await rig.store.erase(id, eraseBodies)).toBe('erased')
    expect(await readDatabase(rig.env)).not.toContain(CANARY)
    expect(await readRedis(rig.env)).not.toContain(CANARY)
    // The books stay.
    expect(await rig.store.get(id)).toMatchObject({
      amount: 500,
      status: 'FAILED',
      details: { reference: null },
    })
    expect(await sql`select from webhook_deliveries where status = 'DELIVERED'`).toHaveLength(2)
  },
)
