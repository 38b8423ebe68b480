import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from '@titan/testkit'
import { createLog, createRedis } from '@titan/service'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { startReceiver } from '../../webhooks/test/support/receiver.ts'
import { startCollector, type Collector } from './support/collector.ts'
import { startGateway } from './support/gateway.ts'
import { isReady, openRig, PATIENT, type Rig } from './support/rig.ts'
import { killSpawned, spawnProgram, type SpawnedProgram } from '@titan/testkit'

const CALLER = 'b7ad6b7169203331'
const SHORT = { LEASE_MS: '5000', GATEWAY_TIMEOUT_MS: '3000', RECONCILE_INTERVAL_MS: '200' }
const JSON_TYPE = { 'content-type': 'application/json' }

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterEach(killSpawned)
afterAll(() => rig.close())

async function start(
  name: 'api' | 'worker',
  collector: Collector,
  env: Readonly<Record<string, string>> = {},
): Promise<SpawnedProgram> {
  const args = name === 'api' ? ['--port', '0'] : ['--visibility-timeout-ms', '1000']
  const program = spawnProgram(name, args, {
    ...rig.env,
    ...SHORT,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    ...env,
  })
  await isReady(program)
  return program
}

async function post(api: SpawnedProgram, path: string, body: unknown, traceId?: string): Promise<unknown> {
  const base = /http:\S+/.exec(api.stdout())?.[0] ?? ''
  const traceparent = traceId === undefined ? {} : { traceparent: `00-${traceId}-${CALLER}-01` }
  const request = { method: 'POST', headers: { ...JSON_TYPE, ...traceparent }, body: JSON.stringify(body) }
  const response = await fetch(`${base}${path}`, request)
  expect(response.ok, `${path} ${response.status}`).toBe(true)
  return response.json()
}

/** Makes a payment in a separate trace. */
async function pay(api: SpawnedProgram): Promise<{ readonly id: string; readonly traceId: string }> {
  const traceId = randomBytes(16).toString('hex')
  const body = { amount: 500, idempotency_key: `traced-${traceId}` }
  const { payment_id: id } = (await post(api, '/pay', body, traceId)) as { payment_id: string }
  return { id, traceId }
}

/** Ends programs in good order: what they have not sent yet is sent before they are gone. */
async function end(...programs: readonly SpawnedProgram[]): Promise<void> {
  for (const program of programs) program.process.kill('SIGTERM')
  for (const program of programs) expect(await program.exited).toEqual({ code: 0, signal: null })
}

/** All paths of spans of a name are this one, and there is one at least. */
function expectPath(collector: Collector, ...path: readonly [string, ...string[]]): void {
  const paths = collector.pathsOf(path[0])
  expect(paths.length, path[0]).toBeGreaterThan(0)
  for (const found of paths) expect(found).toEqual([...path, CALLER])
}

const PROCESSED = ['process payments', 'send payments', 'POST /pay'] as const

describe('a payment is one trace', { timeout: 120_000 }, () => {
  it('from the request over the charge to the webhook that tells of it', async () => {
    const [collector, gateway, receiver] = await Promise.all([
      startCollector(),
      startGateway(),
      startReceiver(),
    ])
    const reach = {
      WEBHOOK_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      WEBHOOK_ALLOW_HTTP: 'true',
      WEBHOOK_ALLOWED_PORTS: String(receiver.port),
      WEBHOOK_ALLOWED_SUBNETS: '127.0.0.0/8',
    }
    const [api, worker] = await Promise.all([
      start('api', collector, reach),
      start('worker', collector, { ...reach, ...gateway.env }),
    ])
    await post(api, '/webhook-endpoints', { url: receiver.url, event_types: ['payment.succeeded'] })
    const { id, traceId } = await pay(api)
    await rig.reaches(id, 'SUCCESS')
    await eventually(() => receiver.received.some(({ body }) => body.includes(id)), PATIENT)
    await eventually(() => worker.stderr().includes(`"trace_id":"${traceId}"`), PATIENT)
    await end(api, worker)

    expectPath(collector, 'insert payment', 'POST /pay')
    expectPath(collector, 'charge', ...PROCESSED)
    expectPath(collector, 'settle payment', ...PROCESSED)
    expectPath(collector, 'POST webhook', 'process webhooks', 'send webhooks', 'POST /pay')
    const own = collector.spans().filter((span) => span.traceId === traceId)
    const idOf = (name: string): string | undefined => own.find((span) => span.name === name)?.spanId
    expect(gateway.traceparents).toEqual([`00-${traceId}-${idOf('charge')}-01`])
    expect(receiver.received.map(({ headers }) => headers['traceparent'])).toEqual([
      `00-${traceId}-${idOf('POST webhook')}-01`,
    ])
    expect(collector.received().includes(`traced-${traceId}`), 'the idempotency key').toBe(false)
  })

  it('also when a worker is killed while it charges, and another one takes it over', async () => {
    const [collector, gateway] = await Promise.all([startCollector(), startGateway()])
    const api = await start('api', collector)
    const doomed = await start('worker', collector, gateway.env)
    await gateway.order({ behaviours: ['hang_after'] })
    const { id, traceId } = await pay(api)
    await eventually(() => gateway.traceparents.length === 1, PATIENT)
    doomed.process.kill('SIGKILL')
    await doomed.exited
    const heir = await start('worker', collector, gateway.env)
    await rig.reaches(id, 'SUCCESS')
    await end(api, heir)

    expectPath(collector, 'charge', ...PROCESSED)
    expectPath(collector, 'settle payment', ...PROCESSED)
    expect(gateway.traceparents.length).toBeGreaterThan(1)
    for (const traceparent of gateway.traceparents) expect(traceparent).toContain(`00-${traceId}-`)
  })

  it('also when Redis loses its job, and the reconciler makes another one', async () => {
    const collector = await startCollector()
    const api = await start('api', collector)
    const { id, traceId } = await pay(api)
    await rig.reaches(id, 'QUEUED')
    await forgetAll()
    const worker = await start('worker', collector, { GATEWAY_DELAY_MS: '1' })
    await rig.reaches(id, 'SUCCESS')
    await end(api, worker)

    expectPath(collector, 'charge', ...PROCESSED)
    const sends = collector.spans().filter(({ name }) => name === 'send payments')
    // On a slow machine a job is replaced more than once, which changes nothing.
    expect([...new Set(sends.map((span) => span.traceId))]).toEqual([traceId])
    expect(new Set(sends.map(({ service }) => service))).toEqual(new Set(['titan-api', 'titan-worker']))
  })
})

/** Deletes all that the programs have in Redis. */
async function forgetAll(): Promise<void> {
  const redis = createRedis(inject('redisUrl'), createLog('test', { logLevel: 'silent', logFormat: 'json' }))
  await redis.connect()
  try {
    const keys = await redis.send<string[]>('', ['KEYS', `${rig.env['QUEUE_PREFIX']}:*`])
    if (keys.length > 0) await redis.send('', ['DEL', ...keys])
  } finally {
    redis.close()
  }
}

// F130 a trace collector that accepts spans and never answers: the program ends within seconds
it('a collector that accepts spans and never answers does not hold up the end of a program', async () => {
  const silent = createServer(() => undefined)
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  onTestFinished(() => {
    silent.close()
    silent.closeAllConnections()
  })
  const { port } = silent.address() as AddressInfo
  const worker = spawnProgram('worker', [], {
    ...rig.env,
    GATEWAY_DELAY_MS: '5',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
  })
  await isReady(worker)
  await rig.reaches(await rig.create('silent-collector'), 'SUCCESS')
  worker.process.kill('SIGTERM')
  // Docker kills after ten seconds.
  const late = new Promise((resolve) => setTimeout(resolve, 9_000, 'late').unref())
  expect(await Promise.race([worker.exited, late])).toEqual({ code: 0, signal: null })
}, 60_000)
