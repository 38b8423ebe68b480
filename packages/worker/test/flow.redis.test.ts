import { eventually, killSpawned, spawnProgram, startTcpProxy, type SpawnedProgram } from '@titan/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { isReady, openRig, PATIENT, type Rig } from './support/rig.ts'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterEach(killSpawned)
afterAll(() => rig.close())

async function startWorker(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<SpawnedProgram> {
  const worker = spawnProgram('worker', args, { ...rig.env, GATEWAY_DELAY_MS: '5', ...env })
  await isReady(worker)
  return worker
}

/** Who worked on a payment. */
async function workerOf(id: string): Promise<string | undefined> {
  return (await rig.store.events(id)).find(({ type }) => type === 'payment.processing')?.actor
}

describe('titan-api and titan-worker', { timeout: 120_000 }, () => {
  it('take a payment from POST /pay to SUCCESS, through every status', async () => {
    const api = spawnProgram('api', ['--port', '0'], rig.env)
    await isReady(api)
    const url = /http:\S+/.exec(api.stdout())?.[0] ?? ''
    await startWorker(['--consumer', 'c1'])

    const accepted = await fetch(`${url}/pay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"amount":500,"idempotency_key":"abc123"}',
    })
    const { payment_id: id, status } = (await accepted.json()) as { payment_id: string; status: string }
    expect([accepted.status, status]).toEqual([202, 'PENDING'])

    await eventually(async () => {
      const payment = (await (await fetch(`${url}/payments/${id}`)).json()) as { status: string }
      return payment.status === 'SUCCESS'
    }, PATIENT)
    const events = (await (await fetch(`${url}/payments/${id}/events`)).json()) as {
      data: { to_status: string }[]
    }
    expect(events.data.map((event) => event.to_status)).toEqual([
      'PENDING',
      'QUEUED',
      'PROCESSING',
      'SUCCESS',
    ])
    expect(await workerOf(id)).toBe('c1')
  })
})

describe('titan-worker', { timeout: 120_000 }, () => {
  it('finds payments that were stored while it was away', async () => {
    const ids = await Promise.all([1, 2, 3].map((number) => rig.create(`away-${number}`)))
    await startWorker([])

    for (const id of ids) await rig.reaches(id, 'SUCCESS')
  })

  it('ends a payment that the gateway declines for good as FAILED', async () => {
    await startWorker([], { SIM_SUCCESS_RATE: '0', SIM_SEED: '3' })
    const ids = await Promise.all(Array.from({ length: 8 }, (_, index) => rig.create(`declined-${index}`)))

    for (const id of ids) await rig.reaches(id, 'FAILED')
    const kinds = (await Promise.all(ids.map((id) => rig.store.get(id)))).map(
      (payment) => payment?.failureKind,
    )
    expect(kinds).toContain('hard_decline')
  })

  it('tries again after failures that moved no money, and gives up after MAX_RETRIES', async () => {
    await startWorker([], {
      GATEWAY_TRANSIENT_RATE: '1',
      MAX_RETRIES: '2',
      RETRY_BASE_MS: '10',
      RETRY_MAX_MS: '20',
    })
    const id = await rig.create('transient')
    await rig.reaches(id, 'FAILED')

    expect(await rig.store.get(id)).toMatchObject({ failureKind: 'not_sent', retries: 2 })
  })

  it('shares the work with another one', async () => {
    await Promise.all(
      ['one', 'two'].map((consumer) =>
        startWorker(['--consumer', consumer, '--concurrency', '2'], { GATEWAY_DELAY_MS: '50' }),
      ),
    )
    const ids = await Promise.all(Array.from({ length: 60 }, (_, index) => rig.create(`shared-${index}`)))
    for (const id of ids) await rig.reaches(id, 'SUCCESS')

    expect(new Set(await Promise.all(ids.map(workerOf)))).toEqual(new Set(['one', 'two']))
    const attempts = await Promise.all(ids.map((id) => rig.store.attempts(id)))
    expect(attempts.every((list) => list.length === 1 && list[0]?.sends === 1)).toBe(true)
  })

  it('is several workers in one process with WORKER_COUNT', async () => {
    const env = {
      WORKER_COUNT: '3',
      WORKER_CONCURRENCY: '1',
      WORKER_CONSUMER: 'crew',
      GATEWAY_DELAY_MS: '50',
    }
    const worker = await startWorker([], env)
    const ids = await Promise.all(Array.from({ length: 30 }, (_, index) => rig.create(`crew-${index}`)))
    for (const id of ids) await rig.reaches(id, 'SUCCESS')

    expect(new Set(await Promise.all(ids.map(workerOf)))).toEqual(new Set(['crew-1', 'crew-2', 'crew-3']))
    expect(worker.stdout()).toContain('(3 × 1)')
  })

  it('goes on by itself when Redis goes away and comes back', async () => {
    const proxy = await startTcpProxy(inject('redisUrl'))
    const worker = await startWorker([], {
      REDIS_URL: proxy.through(inject('redisUrl')),
      RELAY_INTERVAL_MS: '100',
    })
    await rig.reaches(await rig.create('before'), 'SUCCESS')
    await proxy.set({ type: 'refuse' })
    const id = await rig.create('during')
    await eventually(() => worker.stderr().includes('redis.disconnected'), PATIENT)
    expect((await rig.store.get(id))?.status).toBe('PENDING')
    await proxy.set()

    await rig.reaches(id, 'SUCCESS')
    expect(worker.process.exitCode).toBeNull()
    worker.process.kill('SIGTERM')
    expect(await worker.exited).toEqual({ code: 0, signal: null })
    await proxy.close()
  })

  it('ends on SIGTERM though Redis is away', async () => {
    const proxy = await startTcpProxy(inject('redisUrl'))
    const worker = await startWorker([], { REDIS_URL: proxy.through(inject('redisUrl')) })
    await proxy.set({ type: 'refuse' })
    worker.process.kill('SIGTERM')

    expect(await worker.exited).toEqual({ code: 0, signal: null })
    await proxy.close()
  })

  it('logs each result with the id of the payment, and never its key', async () => {
    const worker = await startWorker([])
    const id = await rig.create('secret-key-of-a-client')
    await rig.reaches(id, 'SUCCESS')
    worker.process.kill('SIGTERM')
    await worker.exited

    const entries = worker
      .stderr()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(entries).toContainEqual(
      expect.objectContaining({ event: 'payment.settled', paymentId: id, status: 'SUCCESS' }),
    )
    expect(worker.stderr()).not.toContain('secret-key')
  })
})
