import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { createWorker, fixed, type QueueEvent, type Worker, type WorkerOptions } from '../src/index.ts'
import { keysOf } from '../src/redis/keys.ts'
import { createGate } from './support/gate.ts'
import { setUpOutage } from './support/outage.ts'
import { startPrivateServer, type PrivateServer } from './support/private-server.ts'
import { connectClient, type Rig, type RigJobs } from './support/rig.ts'

/** Less than an empty server uses. */
const NO_MEMORY = 500_000

// F32 Redis out of memory; a policy that evicts: work continues; a server that evicts is refused
test('out of memory, enqueueing is refused and work goes on', { timeout: 180_000 }, async () => {
  // A lease is renewed three times in its visibility timeout; a machine that stands still for seconds loses none.
  const { server, rig } = await setUpOutage({ worker: { visibilityMs: 9_000 } })
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(50)
  await rig.queue.enqueue('work', 'soon', { id: 'soon', delayMs: 3_600_000 })
  await eventually(() => expect(rig.worker.running).toBe(10))
  await server.admin('CONFIG', 'SET', 'maxmemory', NO_MEMORY)
  await expect(rig.queue.enqueue('work', 'no')).rejects.toThrow('OOM')
  await expect(rig.queue.enqueue('work', 'no', { id: 'no' })).rejects.toThrow('OOM')
  const renewals = await countRenewals(server, rig)
  await eventually(async () => (await renewals()) >= 2, { timeoutMs: 60_000 })
  expect(await rig.queue.reschedule('soon', { delayMs: 1 })).toBe('done')
  await eventually(async () => expect((await rig.queue.stats()).delayed).toBe(0), { timeoutMs: 60_000 })
  gate.open()
  await rig.allDone(60_000)
  expect(rig.runs.get('soon')).toBe(1)
  await eventually(() => expect(rig.worker.counters).toMatchObject({ completed: 51, leasesLost: 0 }))
  expect(rig.errors()).toEqual([])
  await server.admin('CONFIG', 'SET', 'maxmemory', 0)
  await rig.works(60_000)
})

/** Counts, each time it is called, how often the lease of the first running job has been seen renewed so far. */
async function countRenewals({ admin }: PrivateServer, { prefix }: Rig): Promise<() => Promise<number>> {
  const idleOfFirst = async (): Promise<number> => {
    const [row] = await admin<[string, string, number, number][]>(
      'XPENDING',
      keysOf(prefix, 'q').streams[1],
      'workers',
      '-',
      '+',
      1,
    )
    if (row === undefined) throw new Error('nothing is leased')
    return row[2]
  }
  let count = 0
  let before = await idleOfFirst()
  return async () => {
    const idle = await idleOfFirst()
    if (idle < before) count++
    before = idle
    return count
  }
}

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

// F32
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
    client.client,
    'q',
    { work: () => undefined },
    { onEvent: (event) => void events.push(event), ...options },
  )
  onTestFinished(() => worker.stop())
  return { worker, events }
}
