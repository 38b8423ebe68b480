import { createTestDatabase } from '@titan/testkit'
import { migrate, openDatabase } from '@titan/payments'
import { Failure } from '@titan/service'
import { afterAll, expect, inject, test } from 'vitest'
import { recorded } from '../src/commands/audit.ts'

const database = await createTestDatabase(inject('databaseUrl'))
const sql = openDatabase(database.url, { poolSize: 1 })
await migrate(sql)
afterAll(async () => {
  await sql.end({ timeout: 1 })
  await database.drop()
})

async function lastOutcome(): Promise<string | null | undefined> {
  const [row] = await sql<{ outcome: string | null }[]>`
    select outcome from operator_actions order by id desc limit 1`
  return row?.outcome
}

// F151
test('a command whose answer was lost says that it may be done, and that it may be repeated', async () => {
  const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  const act = { action: 'payment.refund', target: 'pay_1' }
  const running = recorded(
    sql,
    act,
    () => Promise.reject(lost),
    () => 'never',
  )
  await expect(running).rejects.toThrow(Failure)
  await expect(running).rejects.toThrow(/read ECONNRESET.* unknown: run the same command again/)
  expect(await lastOutcome()).toBe('unknown: read ECONNRESET')
})

test('a command that is refused says so, and its record too', async () => {
  const refusal = new Failure('no such payment')
  const act = { action: 'payment.refund', target: 'pay_1' }
  const running = recorded(
    sql,
    act,
    () => Promise.reject(refusal),
    () => 'never',
  )
  await expect(running).rejects.toBe(refusal)
  expect(await lastOutcome()).toBe('failed: no such payment')
})
