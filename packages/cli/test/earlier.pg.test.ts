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
  // No relay has run since: the one that is PENDING is overdue, as I5 says.
  const failed = findings.filter(({ verdict }) => verdict === 'FAIL')
  expect(failed).toMatchObject([
    { id: 'I5', breaches: [{ what: 'PENDING for more than an hour', count: 1 }] },
  ])
  expect(findings.filter(({ verdict }) => verdict === 'PASS').length).toBeGreaterThan(10)
})
