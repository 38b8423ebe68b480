import { spawn } from 'node:child_process'
import { eventually } from '@titan/testkit'
import { createWorker } from '@titan/queue-core'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import type { Stats } from '../src/commands/stats.ts'
import { readJson, runHere } from './support/in-process.ts'
import { CLI } from './support/titan.ts'
import { createWorld, type World } from './support/world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld(inject('databaseUrl'), inject('redisUrl'))
})
afterAll(() => world.close())

const env = (): Readonly<Record<string, string>> => world.env
const withoutDatabase = (): Record<string, string> => ({
  REDIS_URL: inject('redisUrl'),
  QUEUE_PREFIX: world.prefix,
})

describe('titan stats', () => {
  it('counts jobs and payments', async () => {
    const stats = await readJson<Stats>(['stats'], env())

    expect(stats.queue).toMatchObject({
      name: 'payments',
      ready: 1,
      readyByPriority: { high: 0, default: 1, low: 0 },
      delayed: 0,
      dead: 0,
      nextDueAt: null,
      paused: false,
    })
    expect(stats.payments).toMatchObject({
      byStatus: { PENDING: 1, QUEUED: 1, PROCESSING: 2, SUCCESS: 3, FAILED: 2 },
      needsReview: 1,
      unknown: 1,
    })
    expect(stats.workers).toEqual([])
  })

  it('shows a table to people, without colours where nobody sees them', async () => {
    const { code, stdout } = await runHere(['stats'], env())

    expect(code).toBe(0)
    expect(stdout).toMatch(/^Queue payments at .*Z$/m)
    expect(stdout).toMatch(/^ready +1 \(high 0, default 1, low 0\)$/m)
    expect(stdout).toMatch(/^in review +1$/m)
    expect(stdout).not.toContain('\u001B')
  })

  it('leaves payments out when no database is given', async () => {
    const stats = await readJson<Stats>(['stats'], withoutDatabase())
    expect(stats.payments).toBeNull()
  })

  it('looks at another queue', async () => {
    const stats = await readJson<Stats>(['stats', '--queue', 'webhooks'], env())
    expect(stats.queue).toMatchObject({ name: 'webhooks', ready: 0, group: '' })
  })

  it('shows workers with their leases', async () => {
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const handlers = { pay: () => over }
    const queueOptions = { prefix: world.prefix, consumer: 'w1' }
    await world.queue.enqueue('pay', { payment_id: world.ids.pending }, { id: 'for-the-worker' })
    const worker = createWorker(world.redis, 'payments', handlers, queueOptions)
    await worker.start()
    onTestFinished(async () => {
      resolve()
      await worker.stop()
    })
    await eventually(() => expect(worker.running).toBeGreaterThan(0))

    const { queue, workers } = await readJson<Stats>(['stats'], env())
    expect(workers).toMatchObject([{ name: worker.consumer, leases: worker.running }])
    expect(queue.leased).toBe(worker.running)
    const { jobs } = await readJson<{ jobs: { id: string }[] }>(['peek', '--state', 'leased'], env())
    expect(jobs.map(({ id }) => id)).toContain('for-the-worker')
  })

  it('goes on with --watch until it is interrupted', { timeout: 120_000 }, async () => {
    const args = [CLI, 'stats', '--watch', '--json', '--interval-ms', '50']
    const child = spawn(process.execPath, args, { env: { PATH: process.env['PATH'], ...withoutDatabase() } })
    let seen = ''
    child.stdout.on('data', (chunk: Buffer) => (seen += String(chunk)))
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
    onTestFinished(() => void child.kill('SIGKILL'))
    await eventually(() => seen.split('\n').length > 3, { timeoutMs: 90_000 })
    child.kill('SIGINT')

    expect(await exited).toBe(0)
    for (const line of seen.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ payments: null })
  })

  it('says what cannot be reached, with code 2', async () => {
    const away = { ...withoutDatabase(), REDIS_URL: 'redis://127.0.0.1:1', CONNECT_TIMEOUT_MS: '50' }
    const { code, stdout, stderr } = await runHere(['stats'], away)
    expect(stderr).toContain('titan stats: cannot use Redis at 127.0.0.1:1: ')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })

    const noDatabase = { ...env(), DATABASE_URL: 'postgres://127.0.0.1:1/x', CONNECT_TIMEOUT_MS: '3000' }
    const other = await runHere(['stats'], noDatabase)
    expect(other.stderr).toContain('titan stats: cannot use PostgreSQL at 127.0.0.1:1: ')
    expect(other.code).toBe(2)
  })
})

describe('titan peek', () => {
  it('shows the next jobs with their data', async () => {
    const prefix = `${world.prefix}-peek`
    const there = { ...withoutDatabase(), QUEUE_PREFIX: prefix }
    expect((await runHere(['peek'], there)).stdout).toBe('no ready jobs in queue payments\n')
    await world.redis.xAdd(`${prefix}:{payments}:jobs`, '*', {
      n: 'pay',
      d: '{"payment_id":"pay_\\u001b[2J"}',
    })

    const { jobs } = await readJson<{ jobs: unknown[] }>(['peek'], there)
    expect(jobs).toMatchObject([{ state: 'ready', name: 'pay', dueAt: null, consumer: null }])
    const { stdout } = await runHere(['peek'], there)
    expect(stdout).toMatch(/pay +default .* \{"payment_id":"pay_\\u001b\[2J"\}$/m)
  })

  it('shows no control characters of what others wrote', async () => {
    const prefix = `${world.prefix}-control`
    await world.redis.xAdd(`${prefix}:{payments}:jobs`, '*', { n: 'evil\u001B[2J\u0007', d: '1' })

    const { stdout } = await runHere(['peek'], { ...withoutDatabase(), QUEUE_PREFIX: prefix })
    expect(stdout).toContain('evil·[2J·')
  })
})

describe('titan pause and resume', () => {
  it('steer a queue, as often as they are told', async () => {
    const queue = ['--queue', 'other']
    for (let round = 0; round < 2; round++)
      expect(await readJson(['pause', ...queue], withoutDatabase())).toEqual({ queue: 'other', paused: true })
    expect((await readJson<Stats>(['stats', ...queue], withoutDatabase())).queue.paused).toBe(true)
    expect((await readJson<Stats>(['stats'], withoutDatabase())).queue.paused).toBe(false)

    const { stdout } = await runHere(['resume', ...queue], withoutDatabase())
    expect(stdout).toBe('queue other is not paused\n')
    expect((await readJson<Stats>(['stats', ...queue], withoutDatabase())).queue.paused).toBe(false)
  })
})

describe('titan', () => {
  it.each([
    ['a group without a command', ['dlq'], "titan: unknown command 'dlq'"],
    ['a command of a group that is none', ['dlq', 'lst'], "titan: unknown command 'dlq lst'"],
    ['a queue that cannot be one', ['stats', '--queue', 'a{b}'], 'titan stats: --queue must be 1 to 100'],
    ['a word that nobody asked for', ['stats', 'now'], "titan stats: unexpected argument 'now'"],
  ])('refuses %s with code 2', async (_case, args, complaint) => {
    const { code, stdout, stderr } = await runHere(args, env())
    expect(stderr).toContain(complaint)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  it('names the commands of a group in its help', async () => {
    const { code, stdout } = await runHere(['accounts', 'credentials', '--help'], {})
    expect(code).toBe(0)
    expect(stdout.match(/^ {2}\w+ \w+/gm)).toEqual(Array(4).fill('  accounts credentials'))
  })

  it('names every command in its help', async () => {
    const { code, stdout } = await runHere(['--help'], {})
    expect(code).toBe(0)
    for (const name of ['stats', 'peek', 'dlq redrive', 'pause', 'payments show', 'verify', 'recover'])
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
  })
})
