import { createInspector, createQueue, type Job, type Queue } from '@titan/queue-core'
import { drain } from '@titan/queue-core/testing'
import { eventually, testPrefix } from '@titan/testkit'
import { connectRedis, redisOf } from '@titan/testkit/vitest'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type { ImportReport } from '../src/bullmq/report.ts'
import { BullQueue } from '../src/bullmq/source.ts'
import { addFlow, addRepeating, openBullMq, startBullMq, VERSIONS } from './support/bullmq.ts'
import { runHere } from './support/in-process.ts'

const redis = await connectRedis()

let prefix: string
let env: Record<string, string>
let queue: Queue<Record<string, unknown>>
beforeEach(() => {
  prefix = testPrefix()
  env = { REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: prefix }
  queue = createQueue(redis, 'mail', { prefix })
})

type Report = ImportReport & { readonly queue: string; readonly dryRun: boolean; readonly notes: string[] }

/** Imports the queue `mail`; a job that stays is code 1. */
async function importMail(...args: string[]): Promise<Report> {
  const run = await runHere(['import-bullmq', 'mail', '--bullmq-prefix', prefix, '--json', ...args], env)
  if (run.stdout === '') throw new Error(run.stderr)
  const report = JSON.parse(run.stdout) as Report
  expect(run.code).toBe(report.stays.length === 0 && !report.interrupted ? 0 : 1)
  return report
}

const inspector = () => createInspector(redis, 'mail', { prefix })
const reasonsOf = ({ stays }: Report) => {
  const counts: Record<string, number> = {}
  for (const { reason, count } of stays) counts[reason] = (counts[reason] ?? 0) + count
  return counts
}
const keysAtSource = () => redis.keys(`${prefix}:mail:*`)

describe.each(VERSIONS)('BullMQ %i', (version) => {
  it('moves waiting, prioritised and delayed jobs with their options', async () => {
    const bull = openBullMq(version, prefix)
    for (const n of [1, 2, 3]) await bull.add('plain', { n })
    await bull.add(
      'urgent',
      { n: 4 },
      { priority: 1, attempts: 4, backoff: { type: 'exponential', delay: 500 } },
    )
    await bull.add('usual', { n: 5 }, { priority: 5, attempts: 2, backoff: 250 })
    await bull.add('idle', { n: 6 }, { priority: 2_000_000, jobId: 'own-id' })
    const before = Date.now()
    await bull.add('later', { n: 7 }, { delay: 3_600_000, attempts: 3 })

    const report = await importMail()
    expect(report).toMatchObject({ moved: { wait: 3, prioritized: 3, delayed: 1 }, stays: [] })
    const ready = await inspector().peek('ready', 100)
    expect(ready.map(({ name, data, priority }) => [name, data, priority])).toEqual([
      ['urgent', { n: 4 }, 'high'],
      ['plain', { n: 1 }, 'default'],
      ['plain', { n: 2 }, 'default'],
      ['plain', { n: 3 }, 'default'],
      ['usual', { n: 5 }, 'default'],
      ['idle', { n: 6 }, 'low'],
    ])
    expect(ready.at(-1)?.id).toBe('own-id')
    expect(ready[1]?.id).toMatch(/^bullmq:mail:1:\d{13}$/)
    const [later] = await inspector().peek('delayed')
    expect(later?.dueAt).toBeGreaterThanOrEqual(before + 3_600_000)
    expect(later?.dueAt).toBeLessThanOrEqual(Date.now() + 3_600_000)
    // What is left of the queue at BullMQ holds no job.
    expect((await keysAtSource()).filter((key) => /:(\d+|own-id|titan.*)$/.test(key))).toEqual([])
    expect(await bull.getJobCounts()).toMatchObject({ waiting: 0, delayed: 0, prioritized: 0 })
  })

  it('moves the jobs of a paused queue', async () => {
    const bull = openBullMq(version, prefix)
    await bull.pause()
    for (const n of [1, 2, 3]) await bull.add('plain', { n })
    const { moved } = await importMail()
    expect(Object.values(moved)).toEqual([3])
    expect((await inspector().peek('ready')).map(({ data }) => data)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  })

  it('moves repeating jobs, and runs none of their slots twice or never', async () => {
    const bull = openBullMq(version, prefix)
    const vienna = { pattern: '0 6 1 * *', tz: 'Europe/Vienna' }
    await addRepeating(bull, version, 'monthly', vienna, 'invoice', { all: true }, { attempts: 3 })
    await addRepeating(bull, version, 'often', { every: 600_000 }, 'sweep', {})
    await addRepeating(bull, version, 'odd', { every: 7_000 }, 'sweep', {})
    await addRepeating(bull, version, 'bounded', { pattern: '0 3 * * *', limit: 3 }, 'sweep', {})

    const dry = await importMail('--dry-run')
    const report = await importMail()
    const byName = (schedules: Report['schedules']) =>
      schedules.map(({ cron, timeZone }) => `${cron} ${timeZone}`).toSorted()
    expect(byName(dry.schedules)).toEqual(byName(report.schedules))
    expect(reasonsOf(report)).toMatchObject({ every_no_divisor: 1, limit: 1 })
    const schedules = await queue.schedules()
    expect(schedules).toHaveLength(2)
    expect(schedules).toContainEqual(
      expect.objectContaining({
        cron: '0 6 1 * *',
        timeZone: 'Europe/Vienna',
        name: 'invoice',
        data: { all: true },
        options: expect.objectContaining({ maxAttempts: 3 }),
      }),
    )
    // What stays still has its next job.
    const left = await bull.getJobCounts()
    expect((left['delayed'] ?? 0) + (left['waiting'] ?? 0)).toBe(2)
  })

  it('leaves what it cannot move, and says why', async () => {
    const bull = openBullMq(version, prefix)
    await bull.add('ok', {})
    await bull.add('name with spaces', {})
    await bull.add('large', { text: 'x'.repeat(70_000) })
    if (version === 6) await addFlow(prefix)

    const flow = version === 6 ? { flow: 2 } : {}
    const expected = { invalid_name: 1, payload_too_large: 1, ...flow }
    const dry = await importMail('--dry-run')
    expect(reasonsOf(dry)).toEqual(expected)
    expect(dry.moved).toEqual({ wait: 1 })
    expect(await queue.stats()).toMatchObject({ ready: 0 })
    const report = await importMail()
    expect(reasonsOf(report)).toEqual(expected)
    expect(report.moved).toEqual({ wait: 1 })
    expect((await importMail('--max-payload-bytes', '100000')).moved).toEqual({ wait: 1 })
    expect(await queue.stats()).toMatchObject({ ready: 2 })
  })

  it('refuses a queue whose workers go on, unless it is paused or --live is given', async () => {
    const bull = openBullMq(version, prefix)
    const ran: unknown[] = []
    await startBullMq(version, prefix, async ({ data }) => ran.push(data))
    await bull.add('later', { n: 1 }, { delay: 3_600_000 })
    await expect(importMail()).rejects.toThrow('1 BullMQ workers are taking jobs')
    expect((await importMail('--live')).moved).toEqual({ delayed: 1 })
    await bull.pause()
    await bull.add('plain', { n: 2 })
    expect(Object.values((await importMail()).moved)).toEqual([1])
    expect(ran).toEqual([])
  })
})

it('moves between two servers', async () => {
  const bull = openBullMq(6, prefix, 1)
  await bull.add('plain', { n: 1 })
  await expect(importMail()).rejects.toThrow('no BullMQ queue')
  env['BULLMQ_REDIS_URL'] = `${inject('redisUrl')}/1`
  expect((await importMail()).moved).toEqual({ wait: 1 })
  expect(await queue.stats()).toMatchObject({ ready: 1 })
  await bull.obliterate()
})

it('enqueues failed jobs only when told to, with all their attempts', async () => {
  const bull = openBullMq(6, prefix)
  const worker = await startBullMq(6, prefix, () => Promise.reject(new Error('broken')))
  await bull.add('plain', { n: 1 }, { attempts: 2 })
  await eventually(async () => expect(await bull.getJobCounts()).toMatchObject({ failed: 1 }))
  await worker.close()
  const report = await importMail()
  expect(reasonsOf(report)).toEqual({ failed: 1 })
  expect((await importMail('--failed')).moved).toEqual({ failed: 1 })
  const attempts: number[] = []
  const record = (job: Job) => void attempts.push(job.maxAttempts)
  await drain<Record<string, unknown>>(redis, 'mail', { plain: async (job) => record(job) }, { prefix })
  expect(attempts).toEqual([2])
})

it('keeps the attempts that a job has left', async () => {
  const bull = openBullMq(6, prefix)
  const worker = await startBullMq(6, prefix, () => Promise.reject(new Error('broken')))
  await bull.add('plain', { n: 1 }, { attempts: 5, backoff: 3_600_000 })
  await eventually(async () => expect(await bull.getJobCounts()).toMatchObject({ delayed: 1 }))
  await worker.close()
  expect((await importMail()).moved).toEqual({ delayed: 1 })
  const [job] = await inspector().peek('delayed')
  await queue.reschedule(job?.id ?? '', { delayMs: 0 })
  const attempts: number[] = []
  const record = (job: Job) => void attempts.push(job.maxAttempts)
  await drain<Record<string, unknown>>(redis, 'mail', { plain: async (job) => record(job) }, { prefix })
  expect(attempts).toEqual([4])
})

it('adds no job under an id that the target knows, and reports it', async () => {
  const bull = openBullMq(6, prefix)
  await bull.add('plain', { from: 'bullmq' }, { jobId: 'welcome-ada' })
  await queue.enqueue('plain', { from: 'new code' }, { id: 'welcome-ada' })
  expect((await importMail()).alreadyThere).toEqual({ count: 1, examples: ['welcome-ada'] })
  expect((await inspector().peek('ready')).map(({ data }) => data)).toEqual([{ from: 'new code' }])
})

it('leaves the schedule of the new code as it is', async () => {
  await addRepeating(openBullMq(6, prefix), 6, 'nightly', { pattern: '0 3 * * *' }, 'sweep', {
    from: 'bullmq',
  })
  await queue.schedule('nightly', { cron: '0 4 * * *' }, 'sweep', { from: 'new code' })
  expect((await importMail()).stays).toEqual([])
  expect(await queue.schedules()).toEqual([
    expect.objectContaining({ cron: '0 4 * * *', data: { from: 'new code' } }),
  ])
  // The next slot at BullMQ is not run ahead of its time.
  expect(await queue.stats()).toMatchObject({ ready: 0, delayed: 0 })
})

it('takes the time zone of a pattern without one from --time-zone, by its next slot', async () => {
  const zone = 'Asia/Kolkata'
  await addRepeating(openBullMq(6, prefix), 6, 'nightly', { pattern: '0 3 * * *', tz: zone }, 'sweep', {})
  await redis.hDel(`${prefix}:mail:repeat:nightly`, 'tz')
  const [next = ''] = await redis.keys(`${prefix}:mail:repeat:nightly:*`)
  await redis.hSet(next, 'opts', '{}')
  expect(reasonsOf(await importMail())).toEqual({ slot_differs: 1, repeating: 1 })
  expect((await importMail('--time-zone', zone)).schedules).toEqual([
    { key: 'nightly', cron: '0 3 * * *', timeZone: zone },
  ])
})

it('leaves a job that may be done already to a person', async () => {
  const bull = openBullMq(6, prefix)
  await bull.add('plain', { n: 1 })
  // As an import leaves it that was killed two hours ago.
  const takenAt = Date.now() - 7_200_000
  await redis.lRem(`${prefix}:mail:wait`, 1, '1')
  await redis.zAdd(`${prefix}:mail:titan-import`, { score: 1, value: `wait:0:${takenAt}:1` })
  const report = await importMail('--dedupe-ms', '3600000')
  expect(reasonsOf(report)).toEqual({ unclear: 1 })
  expect(await queue.stats()).toMatchObject({ ready: 0 })
  expect(await importMail()).toMatchObject({ resumed: 1, stays: [] })
  expect(await queue.stats()).toMatchObject({ ready: 1 })
})

it('enqueues no job again that became a dead letter after it was moved', async () => {
  const bull = openBullMq(6, prefix)
  await bull.add('plain', { n: 1 }, { jobId: 'own' })
  const takenAt = Date.now() - 60_000
  await queue.enqueue('plain', { n: 1 }, { id: 'own', maxAttempts: 1 })
  const fail = () => Promise.reject(new Error('broken'))
  await drain<Record<string, unknown>>(redis, 'mail', { plain: fail }, { prefix })
  await redis.lRem(`${prefix}:mail:wait`, 1, 'own')
  await redis.zAdd(`${prefix}:mail:titan-import`, { score: 1, value: `wait:0:${takenAt}:own` })
  expect(await importMail()).toMatchObject({ resumed: 1, stays: [] })
  expect(await queue.stats()).toMatchObject({ ready: 0, dead: 1 })
})

it('leaves a job that a worker has, and one whose repeating job was added meanwhile', async () => {
  const bull = openBullMq(6, prefix)
  await bull.add('plain', { n: 1 }, { jobId: 'locked' })
  await redis.set(`${prefix}:mail:locked:lock`, 'token')
  expect(reasonsOf(await importMail())).toEqual({ changed: 1 })
  await redis.del(`${prefix}:mail:locked:lock`)
  await redis.hSet(`${prefix}:mail:locked`, 'rjk', 'late')
  const from = new BullQueue(redisOf(redis), prefix, 'mail')
  const [job] = await from.read(['locked'], 1_000)
  await redis.zAdd(`${prefix}:mail:repeat`, { score: 1, value: 'late' })
  expect(await from.park('wait', job === undefined ? [] : [job])).toEqual([undefined])
  await redis.zRem(`${prefix}:mail:repeat`, 'late')
  await redis.hSet(`${prefix}:mail:locked`, 'data', '{"n":2}')
  expect(await from.park('wait', job === undefined ? [] : [job])).toEqual([undefined])
  expect(await redis.lRange(`${prefix}:mail:wait`, 0, -1)).toEqual(['locked'])
})

it.each([
  ['a queue of Bull', 'delayed', 'move it to BullMQ first'],
  ['no queue', undefined, 'no BullMQ queue'],
])('refuses %s', async (_case, key, text) => {
  if (key !== undefined) await redis.zAdd(`${prefix}:mail:${key}`, { score: 1, value: '1' })
  const { code, stderr } = await runHere(['import-bullmq', 'mail', '--bullmq-prefix', prefix], env)
  expect(code).toBe(2)
  expect(stderr).toContain(text)
})
