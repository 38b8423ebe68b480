import { eventually } from '@titan/local/testing'
import { expect, onTestFinished, test } from 'vitest'
import { createWorker, fixed, type QueueEvent, type Worker, type WorkerOptions } from '../src/index.ts'
import { createGate } from './support/gate.ts'
import { setUpOutage } from './support/outage.ts'
import { startPrivateServer } from './support/private-server.ts'
import { connectClient, type RigJobs } from './support/rig.ts'

/** Less than an empty server uses. */
const NO_MEMORY = 500_000

test('out of memory, enqueueing is refused and work goes on', async () => {
  const { server, rig } = await setUpOutage({ worker: { visibilityMs: 3_000 } })
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(50)
  await rig.queue.enqueue('work', 'soon', { id: 'soon', delayMs: 7_000 })
  await eventually(() => expect(rig.worker.running).toBe(10))
  await server.admin('CONFIG', 'SET', 'maxmemory', NO_MEMORY)
  await expect(rig.queue.enqueue('work', 'no')).rejects.toThrow('OOM')
  // By then the leases of the running jobs would have lapsed twice.
  await eventually(async () => expect((await rig.queue.stats()).delayed).toBe(0))
  gate.open()
  await rig.allDone()
  expect(rig.runs.get('soon')).toBe(1)
  await eventually(() => expect(rig.worker.counters).toMatchObject({ completed: 51, leasesLost: 0 }))
  expect(rig.errors()).toEqual([])
  await server.admin('CONFIG', 'SET', 'maxmemory', 0)
  await rig.works()
})

test('out of memory, failed jobs are tried again and given up, and delayed ones become ready', async () => {
  const { server, redis, rig } = await setUpOutage()
  await rig.stop()
  await rig.enqueue(20)
  await server.admin('CONFIG', 'SET', 'maxmemory', NO_MEMORY)
  const failing = createWorker<RigJobs>(
    redis,
    'q',
    {
      work() {
        throw new Error('not today')
      },
    },
    { prefix: rig.prefix, maxAttempts: 2, backoff: fixed(10) },
  )
  onTestFinished(() => failing.stop())
  // A worker can start, although making its group would be refused.
  await failing.start()
  await eventually(async () =>
    expect(await rig.queue.stats()).toMatchObject({ dead: 20, ready: 0, leased: 0 }),
  )
})

test('out of memory, a worker starts on a queue that has no group yet', async () => {
  const server = await startPrivateServer({ args: ['--maxmemory', String(NO_MEMORY)] })
  onTestFinished(server.remove)
  const { worker } = await makeWorker(server.url)
  await worker.start()
  expect(worker.health().state).toBe('running')
})

test('a server that may evict jobs is refused', async () => {
  const server = await startPrivateServer({
    args: ['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'],
  })
  onTestFinished(server.remove)
  const { worker } = await makeWorker(server.url)
  await expect(worker.start()).rejects.toMatchObject({
    code: 'UNSUPPORTED_SERVER',
    message: expect.stringContaining('allkeys-lru'),
  })
})

test.for([
  { why: 'the user allows it', limit: '50mb', allowEviction: true },
  { why: 'no limit is set yet', limit: '0', allowEviction: false },
])('a server that may evict jobs is warned of if $why', async ({ limit, allowEviction }) => {
  const server = await startPrivateServer({
    args: ['--maxmemory', limit, '--maxmemory-policy', 'volatile-ttl'],
  })
  onTestFinished(server.remove)
  const { worker, events } = await makeWorker(server.url, { allowEviction, partitions: 2 })
  await worker.start()
  expect(events.filter((event) => event.type === 'warning')).toEqual([
    { type: 'warning', message: expect.stringContaining('volatile-ttl') },
  ])
})

async function makeWorker(
  url: string,
  options: WorkerOptions<RigJobs> = {},
): Promise<{ worker: Worker; events: QueueEvent[] }> {
  const client = await connectClient(url)
  onTestFinished(() => client.destroy())
  const events: QueueEvent[] = []
  const worker = createWorker<RigJobs>(
    client,
    'q',
    { work: () => undefined },
    {
      onEvent: (event) => void events.push(event),
      ...options,
    },
  )
  onTestFinished(() => worker.stop())
  return { worker, events }
}
