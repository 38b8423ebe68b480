import { randomBytes } from 'node:crypto'
import { createTestDatabase } from '@titan/testkit'
import { createPaymentStore, openDatabase, type Database } from '@titan/payments'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { runHere } from './support/in-process.ts'

const database = await createTestDatabase(inject('databaseUrl'))
const role = `app_${randomBytes(6).toString('hex')}`
const password = randomBytes(12).toString('hex')
const owner = openDatabase(database.url, { poolSize: 1 })
const url = new URL(database.url)
url.username = role
url.password = password
const env = { DATABASE_URL: database.url, APP_ROLE_PASSWORD: password }
let app: Database

beforeAll(async () => {
  const { code, stderr } = await runHere(['migrate', '--grant-to', role], env)
  expect(code, stderr).toBe(0)
  app = openDatabase(url.href, { poolSize: 1 })
})
afterAll(async () => {
  await app.end()
  await owner`drop owned by ${owner(role)}`
  await owner`drop role ${owner(role)}`
  await owner.end()
  await database.drop()
})

// F252
it('the role of the programs takes a payment and writes the audit record', async () => {
  await createPaymentStore(app).create({ amount: 5, idempotencyKey: 'granted' })
  const { code, stderr } = await runHere(['keys', 'create', 'shop'], { DATABASE_URL: url.href })
  expect(code, stderr).toBe(0)
  const [row] = await app`select action, outcome from operator_actions`
  expect(row).toMatchObject({ action: 'key.create', outcome: expect.stringMatching(/^key /) })
})

it.each([
  ['verify'],
  ['doctor'],
  ['recover'],
  ['payments', 'list'],
  ['stats'],
  ['operators', 'create', 'Ada'],
])('the role of the programs is enough for titan %s', async (...args) => {
  const stores = { REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: role, DATABASE_URL: url.href }
  const { stdout, stderr } = await runHere(args, stores)
  expect(`${stdout}${stderr}`).not.toMatch(/permission denied|42501|must be owner/)
  expect(stdout).not.toBe('')
})

it.each([
  `update operator_actions set operator = 'Nobody'`,
  `delete from operator_actions`,
  `truncate operator_actions`,
  `alter table operator_actions disable trigger all`,
  `set session_replication_role = replica`,
  `drop table payments`,
  `delete from payments`,
  `update payment_event_rows set actor = 'x'`,
  `delete from payment_event_rows`,
  `delete from api_keys`,
  `insert into schema_migrations (name, checksum) values ('x', 'x')`,
  `create table own (id int)`,
  `create function f() returns int language sql as 'select 1'`,
  `copy payments to program 'id'`,
  // F252 a program, or an SQL injection in it, changes the audit record, drops a table, disables a trigger or
  //  runs a command: refused by PostgreSQL: the role of the programs owns nothing
])('the role of the programs may not: %s', async (statement) => {
  await expect(app.unsafe(statement)).rejects.toMatchObject({ code: '42501' })
})

it.each([
  `update payment_events set actor = 'x'`,
  `delete from payment_events`,
  `delete from attempt_history`,
  `update payment_history set actor = 'x'`,
  `insert into payment_history (payment_id, seq, type, to_status, actor) values ('x', 1, 'x', 'x', 'x')`,
])('no role writes through a view: %s', async (statement) => {
  await expect(app.unsafe(statement)).rejects.toMatchObject({ code: '55000' })
  await expect(owner.unsafe(statement)).rejects.toMatchObject({ code: '55000' })
})

it('the role inserts events under the former name of their table, as programs of the version before do', async () => {
  await app.begin(async (transaction) => {
    await transaction`
      insert into payment_events (payment_id, seq, type, to_status, actor) values ('pay_x', 1, 'payment.created', 'PENDING', 'api')`
    expect(await transaction`select actor from payment_event_rows where payment_id = 'pay_x'`).toHaveLength(1)
    await transaction`delete from webhook_outbox where payment_id = 'pay_x'`
    await transaction.unsafe('rollback')
  })
})

it('the role reads every table and changes every table that programs change', async () => {
  const rows = await owner<{ name: string; reads: boolean; inserts: boolean }[]>`
    select relname as name, has_table_privilege(${role}, oid, 'select') as reads,
           has_table_privilege(${role}, oid, 'insert') as inserts
      from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r'`
  expect(rows.length).toBeGreaterThan(10)
  expect(rows.filter(({ reads }) => !reads)).toEqual([])
  expect(rows.filter(({ inserts }) => !inserts).map(({ name }) => name)).toEqual(['schema_migrations'])
})

it('a grant may be repeated, changes the password, and keeps it without one', async () => {
  const again = (password: string): ReturnType<typeof runHere> =>
    runHere(['migrate', '--grant-to', role], { ...env, APP_ROLE_PASSWORD: password })
  expect((await Promise.all([again(password), again(password)])).map(({ code }) => code)).toEqual([0, 0])
  expect(await again('')).toMatchObject({ code: 0 })
  expect(await app`select 1 as one`).toEqual([{ one: 1 }])
})

// F254 `titan migrate` or a program with migrations runs as a role that may not change tables; a role to
//  grant to is missing: one line that says what to do
it('a role that is missing, or that owns the tables, is refused in one line', async () => {
  const missing = await runHere(['migrate', '--grant-to', 'no_such_role'], { DATABASE_URL: database.url })
  expect(missing.code).toBe(2)
  expect(missing.stderr).toContain('role no_such_role does not exist: create it')
  const self = new URL(database.url).username
  const own = await runHere(['migrate', '--grant-to', self], env)
  expect(own.code).toBe(2)
  expect(own.stderr).toContain('grant to another role')
  const notOwner = await runHere(['migrate', '--grant-to', self], { DATABASE_URL: url.href })
  expect(notOwner.code).toBe(2)
  expect(notOwner.stderr).toContain('run titan migrate as their owner')
})

// F253 the programs run as a superuser or as the owner of the tables; Redis serves clients without a
//  password: `titan doctor` warns
it('titan doctor tells a role that owns the tables from one that does not', async () => {
  const stores = { REDIS_URL: inject('redisUrl') }
  const asOwner = await runHere(['doctor', '--json'], { ...stores, DATABASE_URL: database.url })
  const asApp = await runHere(['doctor', '--json'], { ...stores, DATABASE_URL: url.href })
  const rightsIn = (stdout: string): unknown =>
    (JSON.parse(stdout) as { findings: { id: string }[] }).findings.find(({ id }) => id === 'postgres.rights')
  expect(rightsIn(asOwner.stdout)).toMatchObject({
    severity: 'warning',
    found: expect.stringMatching(/is a superuser.*owns \d+ tables.*can change the audit record/),
  })
  expect(rightsIn(asApp.stdout)).toMatchObject({ severity: 'ok' })
})
