import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase, type TestDatabase } from '@titan/testkit'
import { connectionName, migrate, openDatabase, type Database } from '@titan/payments'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { readJson, runHere } from './support/in-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'titan-routes-'))
const file = join(folder, 'routes.json')
let database: TestDatabase
let sql: Database
let env: Record<string, string>
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'))
  sql = openDatabase(database.url, { poolSize: 1 })
  await migrate(sql)
  env = { DATABASE_URL: database.url }
})
afterAll(async () => {
  await sql.end()
  await database.drop()
  rmSync(folder, { recursive: true })
})

function apply(content: unknown) {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return runHere(['routes', 'apply', file], env)
}

const RULES = [
  { account: 'shop', currency: 'EUR', min_amount: 1, max_amount: 99, gateways: ['adyen', 'stripe'] },
  { payment_method: 'pm_', gateways: ['stripe'], declines: ['do_not_honor'] },
  { gateways: ['adyen'], declines: [] },
]

it('applies rules, shows them in the form that it reads, and leaves a row of audit', async () => {
  expect(await readJson(['routes', 'show'], env)).toEqual({ rules: [] })
  for (const rules of [[...RULES, ...RULES], RULES]) {
    expect(await apply({ rules })).toMatchObject({ code: 0, stdout: `${rules.length} rules applied\n` })
    expect(await readJson(['routes', 'show'], env)).toEqual({ rules })
  }
  expect(await apply((await runHere(['routes', 'show'], env)).stdout)).toMatchObject({ code: 0 })
  const acts = await sql`select action, target, outcome, note from operator_actions order by id`
  expect(acts).toHaveLength(3)
  expect(acts[1]).toEqual({
    action: 'routes.apply',
    target: '3 rules',
    outcome: 'applied',
    note: JSON.stringify({ rules: RULES }),
  })
})

it('names the gateways of rules that no connected worker has', async () => {
  const worker = openDatabase(database.url, {
    poolSize: 1,
    applicationName: connectionName('titan-worker', ['stripe', 'simulated']),
  })
  try {
    await worker`select 1`
    const { code, stderr } = await apply({ rules: RULES })
    expect(code).toBe(0)
    expect(stderr).toMatch(/: no connected worker has adyen in GATEWAYS/)
  } finally {
    await worker.end()
  }
})

it.each([
  ['{"rules":[', /not JSON/],
  [{ rules: [{ gateways: [] }] }, /rules\.0\.gateways/],
  [{ rules: [RULES[1], { gateways: ['a', 'a'] }] }, /rules\.1\.gateways.*each gateway once/],
  [{ rules: [{ gateways: ['a'], currency: 'eur' }] }, /rules\.0\.currency.*three capital letters/],
  [{ rules: [{ gateways: ['a'], min_amount: 2, max_amount: 1 }] }, /rules\.0.*min_amount <= max_amount/],
  [{ rules: [{ gateways: ['a'], declines: ['stolen_card'] }] }, /rules\.0\.declines\.0/],
  [{ rules: [{ gateways: ['a'], gateway: 'b' }] }, /rules\.0\.gateway/],
  [{ rules: [{ gateways: ["'; drop table payments; --"] }] }, /rules\.0\.gateways\.0/],
  [[], /rules: /],
])('refuses %o, and changes nothing', async (content, reason) => {
  await apply({ rules: RULES })
  const { code, stderr } = await apply(content)
  expect(code).toBe(1)
  expect(stderr).toMatch(reason)
  expect(stderr).toMatch(/nothing was changed/)
  expect(await readJson(['routes', 'show'], env)).toEqual({ rules: RULES })
})

it('says when the file cannot be read', async () => {
  const { code, stderr } = await runHere(['routes', 'apply', join(folder, 'none.json')], env)
  expect(code).toBe(2)
  expect(stderr).toMatch(/cannot be read/)
})
