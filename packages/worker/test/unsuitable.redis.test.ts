import { createTestDatabase, eventually, testPrefix } from '@titan/testkit'
import { createPaymentStore, migrate, openDatabase, PAYMENTS_QUEUE, recordPartitions } from '@titan/payments'
import { afterEach, expect, inject, it, onTestFinished } from 'vitest'
import { startTestCluster } from '../../queue-core/test/support/cluster.ts'
import { startPrivateServer } from '../../queue-core/test/support/private-server.ts'
import { isReady, PATIENT } from './support/rig.ts'
import { killSpawned, spawnProgram, spawnScript, type SpawnedProgram } from '@titan/testkit'

const TITAN = new URL('../../cli/src/cli.ts', import.meta.url)

afterEach(killSpawned)

interface Place {
  readonly env: Readonly<Record<string, string>>
  /** Runs a statement as the owner. */
  run(statement: string): Promise<unknown>
}

/** An empty database, and a role in it that owns nothing. */
async function openPlace(): Promise<Place & { readonly roleEnv: Readonly<Record<string, string>> }> {
  const database = await createTestDatabase(inject('databaseUrl'))
  const sql = openDatabase(database.url, { poolSize: 1 })
  const url = new URL(database.url)
  const role = url.pathname.slice(1)
  const run = (statement: string): Promise<unknown> => sql.unsafe(statement)
  await run(`create role ${role} login password 'secret'`)
  onTestFinished(async () => {
    await sql.end({ timeout: 1 })
    await database.drop()
    const admin = openDatabase(inject('databaseUrl'), { poolSize: 1 })
    await admin.unsafe(`drop role ${role}`)
    await admin.end({ timeout: 1 })
  })
  url.username = role
  url.password = 'secret'
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: inject('redisUrl'),
    QUEUE_PREFIX: testPrefix(),
    PORT: '0',
    CONNECT_TIMEOUT_MS: '4000',
  }
  return { env, roleEnv: { ...env, DATABASE_URL: url.href }, run }
}

function programs(env: Readonly<Record<string, string>>): SpawnedProgram[] {
  return [spawnProgram('api', [], env), spawnProgram('worker', [], env), spawnScript(TITAN, ['migrate'], env)]
}

/** One line of the program's own, and no success. */
async function endsInOneLine(program: SpawnedProgram, text: RegExp): Promise<void> {
  const { code } = await program.exited
  const lines = program.stderr().trimEnd().split('\n')
  const own = lines.filter((line) => !line.startsWith('{'))
  expect(own).toEqual([expect.stringMatching(text)])
  expect(program.stderr()).not.toMatch(/^\s+at /m)
  expect(code).toBeGreaterThan(0)
}

// F127 a role that may create nothing, a database that is read-only or whose `search_path` names no schema,
//  at the start and at a migration: one clear line, no stack, code other than 0
it('programs whose role may create nothing end with one line', { timeout: 120_000 }, async () => {
  const { roleEnv } = await openPlace()
  for (const program of programs(roleEnv))
    await endsInOneLine(
      program,
      /the role in DATABASE_URL may not change tables: run titan migrate as their owner/,
    )
})

// F127
it('programs on a database that takes no writes end with one line', { timeout: 120_000 }, async () => {
  const { env, run } = await openPlace()
  const name = new URL(env['DATABASE_URL'] ?? '').pathname.slice(1)
  await run(`alter database ${name} set default_transaction_read_only = on`)
  for (const program of programs(env))
    await endsInOneLine(
      program,
      /cannot execute .* in a read-only transaction .*\(25006\)|PostgreSQL refused: .*\(25006\)/,
    )
})

// F127
it('programs whose search path names no schema end with one line', { timeout: 120_000 }, async () => {
  const { env, run } = await openPlace()
  const name = new URL(env['DATABASE_URL'] ?? '').pathname.slice(1)
  await run(`alter database ${name} set search_path = nowhere`)
  for (const program of programs(env)) await endsInOneLine(program, /no schema has been selected .*\(3F000\)/)
})

it('programs with another number of partitions than the first one end with one line', async () => {
  const { env } = await openPlace()
  const sql = openDatabase(env['DATABASE_URL'] ?? '', { poolSize: 1 })
  await migrate(sql)
  await recordPartitions(sql, PAYMENTS_QUEUE, 1)
  await sql.end()
  const there = { ...env, QUEUE_PARTITIONS: '3' }
  const started = [
    spawnProgram('api', [], there),
    spawnProgram('worker', [], there),
    spawnProgram('worker', ['--check'], there),
  ]
  for (const program of started)
    await endsInOneLine(program, /QUEUE_PARTITIONS is 3, but the jobs of queue payments are in 1 partition:/)
})

// F128 `REDIS_URL` leads to a node of a cluster, or to a user who may do nothing: worker and `titan` end with
//  one clear line; the doctor says so among its findings; the API logs it, and payments stay PENDING
it('a worker and titan at a node of a cluster end with one line', { timeout: 180_000 }, async () => {
  const { env } = await openPlace()
  const cluster = await startTestCluster()
  onTestFinished(() => cluster.stop())
  const [node] = cluster.nodes
  const there = { ...env, REDIS_URL: node?.url ?? '' }
  const text = /REDIS_URL must point at a single server: 127\.0\.0\.1:\d+ is a node of a cluster of 3 masters/
  await endsInOneLine(spawnProgram('worker', [], there), text)
  await endsInOneLine(spawnProgram('worker', ['--check'], there), text)
  await endsInOneLine(spawnScript(TITAN, ['stats'], there), text)
  const doctor = spawnScript(TITAN, ['doctor', '--json'], there)
  await doctor.exited
  expect(doctor.stderr()).toBe('')
  expect(doctor.stdout()).toMatch(text)
})

it(
  // F129 a Redis user without INFO, CONFIG, ROLE and `CLIENT UNBLOCK`: the worker warns that it cannot tell,
  //  works, and gives a lost job back by the mark alone; the doctor judges the rest
  'a worker that may ask neither INFO nor CONFIG nor ROLE warns, works, and has a lost job back',
  { timeout: 120_000 },
  async () => {
    const { env } = await openPlace()
    const server = await startPrivateServer()
    onTestFinished(() => server.remove())
    const rules = ['~*', '+@all', '-info', '-config', '-role', '-client|unblock', '-cluster']
    await server.admin('ACL', 'SETUSER', 'hosted', 'on', '>secret', ...rules)
    const url = new URL(server.url)
    url.username = 'hosted'
    url.password = 'secret'
    const there = { ...env, REDIS_URL: url.href, RECONCILE_INTERVAL_MS: '200', GATEWAY_DELAY_MS: '5' }
    const worker = spawnProgram('worker', [], there)
    await isReady(worker)
    expect(worker.stderr()).toContain('INFO is forbidden: cannot tell whether the server is Redis 7.0')

    const sql = openDatabase(env['DATABASE_URL'] ?? '', { poolSize: 1 })
    onTestFinished(() => sql.end({ timeout: 0 }))
    const store = createPaymentStore(sql)
    const pay = async (idempotencyKey: string): Promise<void> => {
      const created = await store.create({ amount: 5, idempotencyKey })
      const id = 'payment' in created ? created.payment.id : ''
      await eventually(async () => expect((await store.get(id))?.status).toBe('SUCCESS'), PATIENT)
    }
    await pay('before')
    await server.admin('FLUSHALL')
    await pay('after')
    expect(worker.process.exitCode).toBe(null)

    const doctor = spawnScript(TITAN, ['doctor', '--json'], there)
    await doctor.exited
    expect(doctor.stderr()).toBe('')
    expect(doctor.stdout()).toContain('INFO is forbidden')
  },
)

// F128
it('a worker at a Redis user that may do nothing ends with one line', { timeout: 120_000 }, async () => {
  const { env } = await openPlace()
  const server = await startPrivateServer()
  onTestFinished(() => server.remove())
  await server.admin('ACL', 'SETUSER', 'poor', 'on', '>secret', '~*', '+@connection')
  const url = new URL(server.url)
  url.username = 'poor'
  url.password = 'secret'
  const there = { ...env, REDIS_URL: url.href }
  await endsInOneLine(spawnProgram('worker', [], there), /NOPERM/)
  await endsInOneLine(spawnScript(TITAN, ['stats'], there), /NOPERM/)
})
