import { migrate, openDatabase } from '@titan/payments'
import { createFilledDatabase } from '@titan/testkit'
import { afterAll, expect, inject, test } from 'vitest'
import { verify } from '../src/index.ts'

const database = await createFilledDatabase(inject('databaseUrl'))
const sql = openDatabase(database.url)
afterAll(async () => {
  await sql.end({ timeout: 5 })
  await database.drop()
})

// F24
test('verify finds every invariant kept by what the version before wrote', async () => {
  await migrate(sql)
  const findings = await verify({ sql })
  expect(findings.filter(({ verdict }) => verdict === 'FAIL')).toEqual([])
  expect(findings.filter(({ verdict }) => verdict === 'PASS').length).toBeGreaterThan(10)
})
