import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from '@titan/local/testing'
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished } from 'vitest'
import { isReady, openRig, PATIENT, type Rig } from './support/rig.ts'
import { killSpawned, spawnProgram } from './support/spawn.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const CARD = '4242 4242 4242 4242'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterEach(killSpawned)
afterAll(() => rig.close())

/** Takes spans as a collector does, and keeps their bytes. */
async function startReceiver(): Promise<{ readonly url: string; readonly received: () => Buffer }> {
  const chunks: Buffer[] = []
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => response.end())
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => void server.close())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => Buffer.concat(chunks),
  }
}

it(
  'a payment is one trace from the request to its settlement, without card numbers',
  { timeout: 120_000 },
  async () => {
    const receiver = await startReceiver()
    const env = { ...rig.env, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, GATEWAY_DELAY_MS: '1' }
    const api = spawnProgram('api', ['--port', '0'], env)
    const worker = spawnProgram('worker', ['--consumer', 'c1'], env)
    await Promise.all([isReady(api), isReady(worker)])
    const url = /http:\S+/.exec(api.stdout())?.[0] ?? ''
    const pay = (body: unknown): Promise<Response> =>
      fetch(`${url}/pay?${CARD}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01`,
          'user-agent': CARD,
        },
        body: JSON.stringify(body),
      })
    await pay({ amount: CARD, idempotency_key: CARD, metadata: CARD })
    const answer = await pay({ amount: 500, idempotency_key: 'traced-order-key' })
    const { payment_id: id } = (await answer.json()) as { payment_id: string }
    await rig.reaches(id, 'SUCCESS')
    await eventually(() => worker.stderr().includes(`"trace_id":"${TRACE_ID}"`), PATIENT)
    const names = [
      'POST /pay',
      'insert payment',
      'send payments',
      'process payments',
      'charge',
      'settle payment',
    ]
    await eventually(() => names.every((name) => receiver.received().includes(name)), PATIENT)
    // Trace ids travel as bytes; each span of the payment has this one.
    const ids = receiver.received().toString('latin1').split(Buffer.from(TRACE_ID, 'hex').toString('latin1'))
    expect(ids.length - 1).toBeGreaterThanOrEqual(names.length)
    for (const secret of [CARD, CARD.replaceAll(' ', ''), encodeURIComponent(CARD), 'traced-order-key'])
      expect(receiver.received().includes(secret), secret).toBe(false)
  },
)
