import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { eventually, startTcpProxy, testPrefix, type TcpProxy } from '@titan/testkit'
import { createQueue, createWorker, type WorkerHealth } from '@titan/queue-core'
import { createRedis, createLog } from '@titan/service'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { judgeWorker, startHealthServer, type WorkerFacts } from '../src/health-server.ts'

const host = '127.0.0.1'
const PATIENT = { timeoutMs: 60_000 }
/** Twice what a read may take. */
const DEAD_AFTER_MS = 5_000

interface Rig {
  readonly proxy: TcpProxy
  status(path: string): Promise<number>
  body(
    path: string,
  ): Promise<{ readonly status: string; readonly workers: readonly { readonly state: string }[] }>
  enqueue(): Promise<unknown>
  readonly health: () => WorkerHealth
  /** Ends the jobs that run. */
  finish(): void
}

async function startRig(): Promise<Rig> {
  const proxy = await startTcpProxy(inject('redisUrl'))
  const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })
  const [near, direct] = [
    createRedis(proxy.through(inject('redisUrl')), log),
    createRedis(inject('redisUrl'), log),
  ]
  await Promise.all([near.connect(), direct.connect()])
  const prefix = testPrefix()
  const { promise: over, resolve: finish } = Promise.withResolvers<void>()
  const worker = createWorker<{ work: number }>(
    near.client,
    'q',
    { work: () => over },
    { prefix, concurrency: 1 },
  )
  await worker.start()
  const server = await startHealthServer({
    host,
    port: 0,
    running: () => ({ health: () => [worker.health()], ping: () => Promise.resolve() }),
    deadAfterMs: DEAD_AFTER_MS,
  })
  onTestFinished(async () => {
    finish()
    await server.close()
    await worker.stop({ graceMs: 0 })
    near.close()
    direct.close()
    await proxy.close()
  })
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${server.port}${path}`)
  return {
    proxy,
    finish,
    status: async (path) => (await get(path)).status,
    body: async (path) => (await get(path)).json() as ReturnType<Rig['body']>,
    enqueue: () => createQueue<{ work: number }>(direct.client, 'q', { prefix }).enqueue('work', 1),
    health: () => worker.health(),
  }
}

async function isDead({ status, body }: Rig): Promise<void> {
  await eventually(async () => expect(await status('/healthz')).toBe(503), PATIENT)
  expect(await body('/healthz')).toMatchObject({ status: 'dead', workers: [{ state: 'dead' }] })
  expect(await status('/readyz')).toBe(503)
}

// F250
it('serves no foreign host name on a loopback address', async () => {
  const server = await startHealthServer({ host, port: 0, running: () => undefined })
  onTestFinished(() => server.close())
  for (const [name, status] of [
    ['evil.example', 421],
    [`localhost:${server.port}`, 200],
  ] as const) {
    const options = { port: server.port, path: '/healthz', headers: { host: name } }
    const [response] = (await once(get(options), 'response')) as [IncomingMessage]
    response.resume()
    expect(response.statusCode).toBe(status)
  }
})

describe('the health server of a worker', { timeout: 180_000 }, () => {
  it('calls a worker without work alive, one whose Redis is silent dead, and alive again afterwards', async () => {
    const rig = await startRig()
    await eventually(async () => expect(await rig.status('/readyz')).toBe(200), PATIENT)
    expect(await rig.status('/healthz')).toBe(200)

    await rig.proxy.set({ type: 'silence' })
    await isDead(rig)
    await rig.proxy.set()
    await eventually(async () => expect(await rig.status('/healthz')).toBe(200), PATIENT)
    await eventually(async () => expect(await rig.status('/readyz')).toBe(200), PATIENT)
  })

  it('calls a worker dead that cannot store the end of a job', async () => {
    const rig = await startRig()
    await rig.enqueue()
    await eventually(() => expect(rig.health().running).toBe(1), PATIENT)

    await rig.proxy.set({ type: 'silence' })
    rig.finish()
    await eventually(() => expect(rig.health().unsettledMs).toBeGreaterThan(DEAD_AFTER_MS), PATIENT)
    expect(rig.health().settling).toBe(1)
    await isDead(rig)
  })

  it('is not ready before the workers run, or without PostgreSQL', async () => {
    let workers: readonly WorkerHealth[] | undefined
    const ping = (): Promise<never> => Promise.reject(new Error('away'))
    const running = () => workers && { health: () => workers ?? [], ping }
    const server = await startHealthServer({ host, port: 0, running })
    onTestFinished(() => server.close())
    const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${server.port}${path}`)

    expect((await get('/healthz')).status).toBe(200)
    const early = await get('/readyz')
    expect(early.status).toBe(503)
    expect(await early.json()).toMatchObject({ checks: { postgres: 'down' }, workers: [] })
    workers = [LIVELY]
    const answer = await get('/readyz')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ checks: { postgres: 'down' }, workers: [{ state: 'alive' }] })
    expect((await get('/other')).status).toBe(404)
  })

  it('says so when its port is taken', async () => {
    const options = { host, running: () => undefined }
    const server = await startHealthServer({ ...options, port: 0 })
    onTestFinished(() => server.close())

    await expect(startHealthServer({ ...options, port: server.port })).rejects.toThrow(
      /cannot listen on 127\.0\.0\.1:\d+ for health checks/,
    )
  })
})

const LIVELY: WorkerHealth = {
  state: 'running',
  paused: false,
  running: 0,
  buffered: 0,
  settling: 0,
  sinceReadMs: 0,
  sinceReplyMs: 0,
  unreadMs: 0,
  unsettledMs: 0,
}

describe('a worker', () => {
  it.each<[string, Partial<WorkerFacts>, string]>([
    ['that is busy, so that it does not read', { sinceReadMs: 60_000, running: 5 }, 'alive'],
    ['that reads and gets no answer', { unreadMs: 20_000 }, 'dead'],
    ['that settles and gets no answer', { unsettledMs: 20_000, settling: 3 }, 'dead'],
    ['that hears nothing at all', { sinceReplyMs: 20_000 }, 'dead'],
    ['whose work on a job hangs', { isStuck: true }, 'dead'],
    ['that stops', { state: 'stopping', sinceReplyMs: 20_000 }, 'stopping'],
    // F123
  ])('%s is judged so', (_case, signs, state) => {
    expect(judgeWorker({ ...LIVELY, ...signs }, 15_000)).toBe(state)
  })
})

describe('metrics that cannot be read', () => {
  // F116 the metrics of a worker that cannot be read: 500, and the worker stays
  it('are answered 500, and the worker stays', async () => {
    const server = await startHealthServer({
      host,
      port: 0,
      running: () => undefined,
      metrics: {
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        metrics: () => Promise.reject(new Error('a gauge failed')),
      },
    })
    onTestFinished(() => server.close())
    for (let round = 0; round < 3; round += 1)
      expect((await fetch(`http://127.0.0.1:${server.port}/metrics`)).status).toBe(500)
  })
})
