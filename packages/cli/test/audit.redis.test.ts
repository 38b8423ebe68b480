import type { ApiKey } from '@titan/api/keys'
import { createTestDatabase, testPrefix, type TestDatabase } from '@titan/testkit'
import { createPaymentStore, migrate, openDatabase, type Database } from '@titan/payments'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { readJson, runHere } from './support/in-process.ts'

interface Recorded {
  readonly action: string
  readonly target: string
  readonly outcome: string | null
  readonly operator: string
  readonly credential: string
  readonly is_proven: boolean
}

let database: TestDatabase
let sql: Database
let env: Record<string, string>
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'))
  sql = openDatabase(database.url, { poolSize: 1 })
  await migrate(sql)
  env = { DATABASE_URL: database.url, REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: testPrefix() }
})
afterAll(async () => {
  await sql.end()
  await database.drop()
})

async function lastRow(): Promise<Recorded | undefined> {
  const [row] = await sql<Recorded[]>`
    select action, target, outcome, operator, credential, is_proven
      from operator_actions order by id desc limit 1`
  return row
}

describe('the audit record of the command line', () => {
  it.each([
    [['pause'], { action: 'queue.pause', target: 'payments', outcome: 'paused' }],
    [['resume', '--queue', 'other'], { action: 'queue.resume', target: 'other', outcome: 'resumed' }],
    [
      ['dlq', 'redrive', '--all', '--yes'],
      {
        action: 'dead-letters.redrive',
        target: 'payments (all: 0)',
        outcome: '0 redriven, 0 skipped, 0 left',
      },
    ],
    [
      ['dlq', 'delete', '--all', '--yes'],
      { action: 'dead-letters.delete', target: 'payments (all: 0)', outcome: '0 deleted' },
    ],
    [['recover'], { action: 'recover', target: 'payments', outcome: '0 added, 0 already there' }],
    [['keys', 'create', 'the shop'], { action: 'key.create', target: 'the shop, scope read' }],
    [['operators', 'create', 'Ada'], { action: 'operator.create', target: 'Ada' }],
    // F247 acts on the command line and over the API: each leaves an audit row with actor and outcome; without
    //  a row nothing is done
  ])('has a row for titan %j', async (args, expected) => {
    const { code, stderr } = await runHere(args, env)
    expect(code, stderr).toBe(0)
    const row = await lastRow()
    expect(row).toMatchObject({ ...expected, is_proven: false })
    expect(row?.operator).not.toBe('')
    expect(row?.credential).toMatch(/^account .+ on .+/)
  })

  it('names the key and the payment of an act, and no secret', async () => {
    const { key, token } = await readJson<{ key: ApiKey; token: string }>(['keys', 'create', 'x'], env)
    expect((await lastRow())?.outcome).toBe(`key ${key.id}`)
    await runHere(['keys', 'revoke', key.id], env)
    expect(await lastRow()).toMatchObject({ action: 'key.revoke', target: key.id, outcome: 'revoked' })

    const created = await createPaymentStore(sql).create({ amount: 5, idempotencyKey: 'refunded' })
    const id = 'payment' in created ? created.payment.id : ''
    const refund = [
      '--charge',
      'ch_1',
      '--refund',
      're_1',
      '--note',
      'seen in the report',
      '--operator',
      'Ada',
    ]
    await runHere(['payments', 'refund', id, ...refund], env)
    expect(await lastRow()).toMatchObject({
      action: 'payment.refund',
      target: id,
      operator: 'Ada',
      outcome: 'refused',
    })
    const [all] = await sql<
      { text: string }[]
    >`select string_agg(a::text, ' ') as text from operator_actions a`
    expect(all?.text).not.toContain(token.split('_')[2])
  })

  // F247
  it('comes before the act: nothing is done while it cannot be written', async () => {
    // No time limit is part of this: the command connects to Redis first, however long that takes.
    const missing = new URL(database.url)
    missing.pathname = '/none'
    const unusable = { ...env, DATABASE_URL: missing.href }
    const { code, stderr } = await runHere(['pause', '--queue', 'guarded'], unusable)
    expect(code).toBe(2)
    expect(stderr).toContain('cannot use PostgreSQL')
    const { queue } = await readJson<{ queue: { paused: boolean } }>(['stats', '--queue', 'guarded'], env)
    expect(queue.paused).toBe(false)
  })

  it('is left out, aloud, where no database is given', async () => {
    const { DATABASE_URL: _none, ...alone } = env
    const { code, stderr } = await runHere(['pause', '--queue', 'alone'], alone)
    expect(code).toBe(0)
    expect(stderr).toContain('DATABASE_URL is not set, so no audit record is written')
  })

  it('looking and a dry run leave no row', async () => {
    const before = await lastRow()
    for (const args of [
      ['recover', '--dry-run'],
      ['keys', 'list'],
      ['dlq', 'list'],
      ['operators', 'list'],
    ])
      expect((await runHere(args, env)).code).toBe(0)
    expect(await lastRow()).toEqual(before)
  })
})

describe('titan operators', () => {
  it('creates a token once, lists the name and revokes it', async () => {
    const { operator, token } = await readJson<{ operator: { id: string }; token: string }>(
      ['operators', 'create', 'Grace Hopper'],
      env,
    )
    expect(token).toMatch(/^titan_op_[\da-f]{16}_[\w-]{43}$/)
    const taken = await runHere(['operators', 'create', 'Grace Hopper'], env)
    expect(taken).toMatchObject({ code: 1, stdout: '' })
    expect(taken.stderr).toContain('the name "Grace Hopper" belongs to an active operator')
    const { stdout } = await runHere(['operators', 'list'], env)
    expect(stdout).toContain('Grace Hopper')
    expect(stdout).not.toContain(token)
    expect((await runHere(['operators', 'revoke', operator.id], env)).code).toBe(0)
    expect((await runHere(['operators', 'revoke', operator.id], env)).code).toBe(1)
    expect((await runHere(['operators', 'create', 'Grace Hopper'], env)).code).toBe(0)
  })
})
