import { createTestDatabase, type TestDatabase } from '@titan/testkit'
import { migrate, openDatabase } from '@titan/payments'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { isReady, openRig, type Rig } from './support/rig.ts'
import { killSpawned, spawnProgram } from '@titan/testkit'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterAll(() => rig.close())

describe('titan-worker', { timeout: 120_000 }, () => {
  it('prints its help with every flag and its variable', async () => {
    const program = spawnProgram('worker', ['--help'])

    expect(await program.exited).toEqual({ code: 0, signal: null })
    for (const [flag, variable] of [
      ['--group <name>', '[WORKER_GROUP]'],
      ['--consumer <name>', '[WORKER_CONSUMER]'],
      ['--workers <n>', '[WORKER_COUNT]'],
      ['--concurrency <n>', '[WORKER_CONCURRENCY]'],
      ['--visibility-timeout-ms <ms>', '[VISIBILITY_TIMEOUT_MS,'],
      ['--max-retries <n>', '[MAX_RETRIES]'],
      ['--retry-base-ms <ms>', '[RETRY_BASE_MS]'],
      ['--gateway <name>', '[GATEWAY]'],
      ['--gateway-delay-ms <ms>', 'SIM_DELAY_MS]'],
      ['--database-url <url>', '[DATABASE_URL]'],
      ['--redis-url <url>', '[REDIS_URL, REDIS_ADDR]'],
      ['--[no-]check', '[WORKER_CHECK]'],
    ] as const) {
      expect(program.stdout()).toContain(flag)
      expect(program.stdout()).toContain(variable)
    }
  })

  it('prints its version', async () => {
    const program = spawnProgram('worker', ['--version'])

    expect(await program.exited).toEqual({ code: 0, signal: null })
    expect(program.stdout()).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('tells every fault of flags and variables in one line each, with code 2', async () => {
    const program = spawnProgram('worker', ['--group', 'a b'], { VISIBILITY_TIMEOUT: 'long' })

    expect(await program.exited).toEqual({ code: 2, signal: null })
    expect(program.stdout()).toBe('')
    expect(program.stderr().trim().split('\n')).toEqual([
      'titan-worker: --group must be 1 to 100 letters, digits or . : - _',
      'titan-worker: VISIBILITY_TIMEOUT must be a duration such as 30s or 500ms, got "long"',
      'titan-worker: DATABASE_URL must be set',
      'titan-worker: REDIS_URL must be set',
      "Try 'titan-worker --help'.",
    ])
  })

  it('says that it is ready, and ends with code 0 on SIGTERM', async () => {
    const program = spawnProgram('worker', ['--group', 'workers', '--consumer', 'c1'], rig.env)
    await isReady(program)
    program.process.kill('SIGTERM')

    expect(await program.exited).toEqual({ code: 0, signal: null })
    expect(program.stdout()).toBe('titan-worker c1 of group workers is ready (1 × 16)\n')
  })

  it('refuses to work the queue of another group, with code 1', async () => {
    const first = spawnProgram('worker', [], rig.env)
    await isReady(first)
    const second = spawnProgram('worker', ['--group', 'others'], rig.env)

    expect(await second.exited).toEqual({ code: 1, signal: null })
    expect(second.stderr()).toContain('titan-worker: The queue is worked by group "workers"')
    await killSpawned()
  })

  it.each([
    ['PostgreSQL', { DATABASE_URL: 'postgres://user:secret@127.0.0.1:1/titan' }],
    ['Redis', { REDIS_URL: 'redis://:secret@127.0.0.1:1' }],
  ])('tells in one line that %s cannot be reached, with code 1', async (server, env) => {
    const args = ['--connect-timeout-ms', '200', '--log-level', 'error']
    const program = spawnProgram('worker', args, { ...rig.env, ...env })

    expect(await program.exited).toEqual({ code: 1, signal: null })
    expect(program.stderr()).toMatch(
      new RegExp(`^titan-worker: cannot use ${server} at 127\\.0\\.0\\.1:1: .*ECONNREFUSED.*\\n$`),
    )
    expect(program.stderr()).not.toContain('secret')
  })
})

describe('the tables of a version before', { timeout: 120_000 }, () => {
  it.each([[['--no-migrate']], [['--no-migrate', '--check']]])(
    'are refused with %j, with code 1',
    async (args) => {
      const old = await createOldDatabase()
      const program = spawnProgram('worker', args, { ...rig.env, DATABASE_URL: old.url })

      expect(await program.exited).toEqual({ code: 1, signal: null })
      expect(program.stderr()).toContain('titan-worker: the database lacks migrations (0016_records.sql): ')
      await old.drop()
    },
  )

  it('are named by --check, with code 0, where the start would bring them up to date', async () => {
    const old = await createOldDatabase()
    const program = spawnProgram('worker', ['--check'], { ...rig.env, DATABASE_URL: old.url })

    expect(await program.exited).toEqual({ code: 0, signal: null })
    expect(program.stdout()).toContain('\nMigrations that the start will apply: 0016_records.sql\n')
    await old.drop()
  })
})

async function createOldDatabase(): Promise<TestDatabase> {
  const old = await createTestDatabase(inject('databaseUrl'))
  const sql = openDatabase(old.url)
  await migrate(sql)
  await sql`delete from schema_migrations where name = '0016_records.sql'`
  await sql.end()
  return old
}

describe('titan-worker --check', { timeout: 120_000 }, () => {
  it('finds both servers ready, with code 0, and starts nothing', async () => {
    const id = await rig.create('unchecked')
    const program = spawnProgram('worker', ['--check'], rig.env)

    expect(await program.exited).toEqual({ code: 0, signal: null })
    expect(program.stdout()).toMatch(
      /^PostgreSQL at \S+ is ready\nRedis at \S+ is ready\nGateways: simulated\n$/,
    )
    expect((await rig.store.get(id))?.status).toBe('PENDING')
  })

  it('says so, with code 1, when the tables are missing, and does not make them', async () => {
    const empty = await createTestDatabase(inject('databaseUrl'))
    for (let run = 0; run < 2; run += 1) {
      const program = spawnProgram('worker', ['--check'], { ...rig.env, DATABASE_URL: empty.url })
      expect(await program.exited).toEqual({ code: 1, signal: null })
      expect(program.stderr()).toContain('titan-worker: the database has no tables yet')
    }
    await empty.drop()
  })

  it('says so, with code 1, when a server is away', async () => {
    const args = ['--check', '--connect-timeout-ms', '100', '--redis-url', 'redis://127.0.0.1:1']
    const program = spawnProgram('worker', args, rig.env)

    expect((await program.exited).code).toBe(1)
    expect(program.stderr()).toContain('titan-worker: cannot use Redis at 127.0.0.1:1')
  })
})
