import { readFileSync } from 'node:fs'
import { eventually } from '@titan/testkit'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  createConsumer,
  createInspector,
  createQueue,
  createWorker,
  UnrecoverableError,
  type QueueEvent,
} from '../src/index.ts'
import { startPrivateServer, type PrivateServer } from './support/private-server.ts'

// The rights that the README lists are the least with which everything works.

interface Jobs {
  work: string
}

const PASSWORD = 'secret'
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const RULES = (/ACL SETUSER app on >password ~titan:\* (.*)/.exec(readme)?.[1] ?? '').trim().split(/\s+/)
const RIGHTS = RULES.filter((rule) => rule.startsWith('+')).map((rule) => rule.slice(1))

let server: PrivateServer
beforeAll(async () => {
  server = await startPrivateServer()
})
afterAll(() => server.remove())

/** A connected client of a user with the rights of the README and further rules. */
async function connectWith(...rules: string[]) {
  await server.admin('ACL', 'SETUSER', 'app', 'reset', 'on', `>${PASSWORD}`, '~titan:*', ...RULES, ...rules)
  const client = createClient({ url: `redis://app:${PASSWORD}@127.0.0.1:${server.port}` })
  client.on('error', () => undefined)
  onTestFinished(() => client.destroy())
  await client.connect()
  return client
}

/** Does everything that a queue can; returns what its worker told. */
async function goRound(client: Awaited<ReturnType<typeof connectWith>>): Promise<QueueEvent[]> {
  const name = `q${Math.random().toString(36).slice(2)}`
  const queue = createQueue<Jobs>(client, name)
  const events: QueueEvent[] = []
  const worker = createWorker<Jobs>(
    client,
    name,
    ({ id, attempt }) => {
      if (id === 'again' && attempt === 1) throw new Error('again')
      if (id.startsWith('dead')) throw new UnrecoverableError('no')
    },
    {
      backoff: () => 1,
      visibilityMs: 1_000,
      rateLimit: { max: 1_000, perMs: 1_000 },
      deadLetters: { maxCount: 1_000, maxAgeMs: 3_600_000 },
      onEvent: (event) => void events.push(event),
    },
  )
  onTestFinished(() => worker.stop({ graceMs: 0 }))
  await worker.start()
  await queue.enqueue('work', 'plain')
  await queue.enqueueMany(
    ['one', 'again', 'dead-1', 'dead-2', 'dead-3'].map((id) => ({ name: 'work', data: id, id })),
  )
  for (const id of ['first', 'second']) await queue.enqueue('work', id, { id, orderingKey: 'key' })
  await queue.enqueue('work', 'late', { id: 'late', delayMs: 3_600_000 })
  await queue.enqueue('work', 'never', { id: 'never', delayMs: 3_600_000 })
  expect(await queue.reschedule('late', { delayMs: 5 })).toBe('done')
  expect(await queue.cancel('never')).toBe('done')
  await queue.schedule('tick', { cron: '* * * * * *' }, 'work', 'tick')
  expect(await queue.schedules()).toHaveLength(1)
  await eventually(async () => expect(await queue.stats()).toMatchObject({ dead: 3, ready: 0, delayed: 0 }))
  await eventually(() => expect(worker.counters.completed).toBeGreaterThan(6))
  await queue.unschedule('tick')
  const [first, second] = await queue.deadLetters()
  expect(await queue.redrive({ letterIds: [first?.letterId ?? ''] })).toMatchObject({ redriven: 1 })
  expect(await queue.deleteDeadLetters([second?.letterId ?? ''])).toBe(1)
  expect(await queue.pause({ waitMs: 2_000 })).toBe(true)
  await queue.enqueue('work', 'held', { id: 'held' })
  const inspector = createInspector(client, name)
  for (const state of ['ready', 'leased', 'delayed', 'parked'] as const) await inspector.peek(state)
  expect(await inspector.find('held')).toMatchObject({ state: 'ready' })
  expect(await inspector.missing(['held', 'gone'])).toEqual(['gone'])
  expect(await inspector.consumers()).toHaveLength(1)
  await queue.resume()
  await eventually(async () => expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0 }))
  await worker.stop()
  const consumer = createConsumer<Jobs>(client, name)
  await queue.enqueue('work', 'claimed')
  const leases = await consumer.claim({ blockMs: 1_000 })
  for (const id of ['holder', 'parked']) await queue.enqueue('work', id, { id, orderingKey: 'key' })
  expect(await queue.cancel('parked')).toBe('done')
  expect(await queue.cancel('holder')).toBe('done')
  expect(await consumer.renew(leases)).toHaveLength(1)
  await consumer.release(leases)
  const [again] = await consumer.claim({ blockMs: 1_000 })
  if (again !== undefined) await consumer.ack(again)
  await consumer.close()
  return events
}

const problems = (events: readonly QueueEvent[]) =>
  events.flatMap((event) =>
    event.type === 'error' ? [String(event.error)] : event.type === 'warning' ? [event.message] : [],
  )

test('a user with the rights of the README does everything, and uses each of them', async () => {
  await server.admin('CONFIG', 'RESETSTAT')
  expect(problems(await goRound(await connectWith()))).toEqual([])
  const stats = await server.admin<string>('INFO', 'commandstats')
  const called = [...stats.matchAll(/^cmdstat_([^:]+):/gm)].map(([, name = '']) => name)
  expect(RIGHTS.filter((right) => !called.includes(right))).toEqual([])
})

test('a user without INFO and CLIENT works, and is told what cannot be checked', async () => {
  const events = await goRound(await connectWith('-info', '-client'))
  expect(problems(events)).toEqual([expect.stringContaining('INFO is forbidden: cannot tell')])
})

describe.each(['xadd', 'xreadgroup', 'evalsha', 'zrange'])('a user without %s', (command) => {
  test('meets an error that names the command', async () => {
    const client = await connectWith(`-${command}`)
    const events: QueueEvent[] = []
    const worker = createWorker<Jobs>(client, 'q', () => undefined, {
      visibilityMs: 300,
      onEvent: (event) => void events.push(event),
    })
    onTestFinished(() => worker.stop({ graceMs: 0 }))
    const work = async (): Promise<void> => {
      await worker.start()
      await createQueue<Jobs>(client, 'q').enqueue('work', 'x', { id: `${Math.random()}` })
    }
    const error = await Promise.race([
      work().then(() => new Promise<never>(() => undefined)),
      eventually(() => {
        const [problem] = problems(events)
        if (problem === undefined) throw new Error('no problem yet')
        return problem
      }),
    ]).catch(String)
    expect(error).toMatch(new RegExp(String.raw`NOPERM.*\b${command}\b`, 'i'))
  })
})
