import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from '@titan/testkit'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { findFreePort } from '@titan/servers'
import { startCollector } from './support/collector.ts'
import { readDatabase, readRedis } from './support/everything.ts'
import { isReady, openRig, PATIENT, type Rig } from './support/rig.ts'
import { spawnProgram } from '@titan/testkit'

/** A number that passes for that of a card; nobody has it. */
const CARD = '4242424242424242'
const SPELLINGS = [CARD, '4242 4242 4242 4242', '4242-4242-4242-4242']
const SECRET = `sk_live_canary_${randomBytes(12).toString('hex')}`
const ENCRYPTION_KEY = randomBytes(32).toString('base64')

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

/** What a gateway says that repeats the card wherever it can, by the amount that is charged. */
const ANSWERS: Readonly<Record<string, readonly [status: number, body: unknown]>> = {
  501: [402, { error: { type: 'card_error', code: CARD, decline_code: CARD, message: SPELLINGS[1] } }],
  502: [400, { error: { type: 'invalid_request_error', code: CARD, param: 'amount', message: CARD } }],
  503: [500, { error: { type: 'api_error', code: CARD, message: SPELLINGS[2] } }],
  504: [429, { error: { type: 'invalid_request_error', message: `too often: ${CARD}` } }],
  505: [200, `<html>${CARD}`],
  506: [200, { object: 'payment_intent', id: 'pi_canary', status: SPELLINGS[1] }],
}

/** Starts a gateway of this kind; answers its address. */
async function startGateway(): Promise<string> {
  const server = createServer((request, response) => {
    let form = ''
    request.on('data', (chunk: Buffer) => (form += chunk.toString()))
    request.on('end', () => {
      const amount = new URLSearchParams(form).get('amount') ?? ''
      const [status, body] = ANSWERS[amount] ?? [402, { error: { type: 'card_error', code: 'lost_card' } }]
      response.writeHead(status, { 'content-type': 'application/json', 'request-id': CARD })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
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

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterAll(() => rig.close())

/** Sends the canaries through whatever a client can fill in. */
async function sendEverywhere(url: string): Promise<number[]> {
  const json = { 'content-type': 'application/json' }
  const post = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}/pay`, {
      method: 'POST',
      headers: { ...json, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const requests = SPELLINGS.flatMap((card) => [
    post({ amount: 500, idempotency_key: card }),
    post({ amount: 500, idempotency_key: `order-${card}` }),
    post({ amount: 500, idempotency_key: 'a', currency: card }),
    post({ amount: card, idempotency_key: 'b' }),
    post({ amount: 500, idempotency_key: 'c', card_number: card, secret: SECRET }),
    post({ amount: 500 }, { 'idempotency-key': card }),
    post(
      { amount: 500, idempotency_key: randomBytes(8).toString('hex') },
      { traceparent: TRACEPARENT, tracestate: `canary=${card.replaceAll(' ', '')}`, baggage: `card=${card}` },
    ),
    fetch(`${url}/webhook-endpoints`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ url: `https://example.com/${card}`, event_types: ['payment.succeeded'] }),
    }),
    post(`{"amount":500,"idempotency_key":"${card}`),
    post(
      { amount: 500, idempotency_key: randomBytes(8).toString('hex') },
      { 'user-agent': card, cookie: SECRET },
    ),
    post({ amount: 500, idempotency_key: 'd' }, { 'x-request-id': card, traceparent: card, referer: SECRET }),
    fetch(`${url}/payments/${encodeURIComponent(card)}`),
    fetch(`${url}/payments?status=${encodeURIComponent(card)}&idempotency_key=${encodeURIComponent(card)}`),
    fetch(`${url}/${encodeURIComponent(card)}?key=${SECRET}`),
    fetch(`${url}/payments`, { headers: { authorization: `Bearer ${SECRET}`, 'x-api-key': SECRET } }),
  ])
  return (await Promise.all(requests)).map(({ status }) => status)
}

it(
  'a card number and a secret that clients or the gateway send are nowhere: not in logs, stores, spans or metrics',
  { timeout: 180_000 },
  async () => {
    const [collector, gateway] = await Promise.all([startCollector(), startGateway()])
    const [apiPort, workerPort] = [await findFreePort(), await findFreePort()]
    const env = {
      ...rig.env,
      LOG_LEVEL: 'debug',
      WEBHOOK_ENCRYPTION_KEY: ENCRYPTION_KEY,
      GATEWAY: 'stripe',
      STRIPE_SECRET_KEY: 'sk_test_titan',
      STRIPE_API_BASE: gateway,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    }
    const api = spawnProgram('api', ['--port', '0', '--health-port', String(apiPort)], env)
    const worker = spawnProgram('worker', ['--consumer', 'c1', '--health-port', String(workerPort)], env)
    onTestFinished(() => {
      api.process.kill()
      worker.process.kill()
    })
    await Promise.all([isReady(api), isReady(worker)])
    const url = /http:\S+/.exec(api.stdout())?.[0] ?? ''

    const statuses = await sendEverywhere(url)
    expect(statuses.filter((status) => status === 202).length).toBeGreaterThan(0)
    expect(statuses.filter((status) => status >= 500)).toEqual([])
    const id = await rig.create(`canary-${randomBytes(4).toString('hex')}`)
    await rig.reaches(id, 'FAILED')
    for (const amount of Object.keys(ANSWERS)) {
      const answered = await rig.create(`canary-${amount}`, Number(amount))
      // Created, queued, begun, and what came of it.
      await eventually(async () => (await rig.store.events(answered)).length >= 4, PATIENT)
    }
    await eventually(() => worker.stderr().includes(id), PATIENT)
    const metrics = await Promise.all(
      [apiPort, workerPort].map(async (port) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
    )
    for (const { process, exited } of [api, worker]) {
      process.kill('SIGTERM')
      await exited
    }

    const places = {
      'log of the API': api.stdout() + api.stderr(),
      'log of the worker': worker.stdout() + worker.stderr(),
      PostgreSQL: await readDatabase(rig.env),
      Redis: await readRedis(rig.env),
      spans: collector.received().toString('latin1'),
      metrics: metrics.join('\n'),
    }
    // What is looked through is there at all.
    expect(places.PostgreSQL).toContain(id)
    expect(places.Redis).toContain(id)
    expect(places.spans).toContain('settle payment')
    expect(places.metrics).toContain('titan_payments_settled_total')
    const canaries = [...SPELLINGS, encodeURIComponent(SPELLINGS[1] ?? ''), SECRET, ENCRYPTION_KEY]
    const leaks = Object.entries(places).flatMap(([place, text]) =>
      canaries.filter((canary) => text.includes(canary)).map((canary) => `${canary} in ${place}`),
    )
    expect(leaks).toEqual([])
  },
)
