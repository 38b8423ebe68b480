import { randomBytes } from 'node:crypto'
import { eventually } from '@titan/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startReceiver, type Receiver } from '../../webhooks/test/support/receiver.ts'
import { verify } from '../../webhooks/test/support/verify.ts'
import { isReady, openRig, PATIENT, type Rig } from './support/rig.ts'
import { killSpawned, spawnProgram, type SpawnedProgram } from '@titan/testkit'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterEach(killSpawned)
afterAll(() => rig.close())

const KEY = { WEBHOOK_ENCRYPTION_KEY: randomBytes(32).toString('base64') }

/** Lets webhooks go to the receiver of a test. */
function reach({ port }: Receiver): Record<string, string> {
  return {
    ...KEY,
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOWED_PORTS: String(port),
    WEBHOOK_ALLOWED_SUBNETS: '127.0.0.0/8',
  }
}

async function start(
  name: 'api' | 'worker',
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<SpawnedProgram> {
  const program = spawnProgram(name, args, { ...rig.env, GATEWAY_DELAY_MS: '5', ...env })
  await isReady(program)
  return program
}

/** Registers an endpoint over HTTP and answers its secret. */
async function register(api: SpawnedProgram, { url }: Receiver): Promise<string> {
  const base = /http:\S+/.exec(api.stdout())?.[0] ?? ''
  const response = await fetch(`${base}/webhook-endpoints`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url, event_types: ['payment.succeeded'] }),
  })
  expect(response.status).toBe(201)
  return ((await response.json()) as { secret: string }).secret
}

/** Waits until the receiver has heard of a payment, and answers the signed event. */
async function heard(receiver: Receiver, secret: string, paymentId: string): Promise<unknown> {
  return eventually(() => {
    const request = receiver.received.find(({ body }) => body.includes(paymentId))
    if (request === undefined) throw new Error(`${paymentId} was not told`)
    return verify(request, secret)
  }, PATIENT)
}

describe('titan-api and titan-worker with webhooks', { timeout: 120_000 }, () => {
  it('tell an endpoint that was registered over HTTP of a payment, and stop in good order', async () => {
    const receiver = await startReceiver()
    const api = await start('api', ['--port', '0'], reach(receiver))
    const secret = await register(api, receiver)
    const worker = await start('worker', ['--consumer', 'c1'], reach(receiver))

    const id = await rig.create('told')

    expect(await heard(receiver, secret, id)).toMatchObject({
      type: 'payment.succeeded',
      data: { payment_id: id, status: 'SUCCESS' },
    })
    worker.process.kill('SIGTERM')
    expect(await worker.exited).toEqual({ code: 0, signal: null })
  })

  it('lose nothing while a worker has no encryption key: another one tells it later', async () => {
    const receiver = await startReceiver()
    const api = await start('api', ['--port', '0'], reach(receiver))
    const secret = await register(api, receiver)
    const keyless = await start('worker', ['--log-format', 'json'])
    await eventually(() => keyless.stderr().includes('"event":"webhooks.disabled"'), PATIENT)
    const id = await rig.create('noted')
    await rig.reaches(id, 'SUCCESS')
    expect(receiver.received).toEqual([])

    await start('worker', [], reach(receiver))

    expect(await heard(receiver, secret, id)).toMatchObject({ data: { payment_id: id } })
  })

  it('send nothing with --no-webhooks', async () => {
    const receiver = await startReceiver()
    const api = await start('api', ['--port', '0'], reach(receiver))
    await register(api, receiver)
    await start('worker', ['--no-webhooks'], reach(receiver))
    await rig.reaches(await rig.create('silent'), 'SUCCESS')

    expect(await rig.countNotes()).toBeGreaterThan(0)
    expect(receiver.received).toEqual([])
  })

  it('tell of a key that is none, without repeating it', async () => {
    const worker = spawnProgram('worker', ['--lease-ms', '1'], {
      ...rig.env,
      WEBHOOK_ENCRYPTION_KEY: 'c2hvcnQ=',
    })

    expect(await worker.exited).toEqual({ code: 2, signal: null })
    expect(worker.stderr()).toContain('WEBHOOK_ENCRYPTION_KEY must be 32 random bytes')
    expect(worker.stderr()).toContain('LEASE_MS must be')
    expect(worker.stderr()).not.toContain('c2hvcnQ=')
  })
})
