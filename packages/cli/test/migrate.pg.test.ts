import { createTestDatabase } from '@titan/testkit'
import { afterAll, expect, inject, it } from 'vitest'
import { readJson, runHere } from './support/in-process.ts'

const database = await createTestDatabase(inject('databaseUrl'))
afterAll(() => database.drop())
const env = { DATABASE_URL: database.url }

it('titan migrate names what is missing, applies it, and then has nothing to do', async () => {
  const missing = await readJson<{ migrations: string[] }>(['migrate', '--dry-run'], env)
  expect(missing.migrations[0]).toBe('0001_payments.sql')
  expect(await readJson(['migrate', '--dry-run'], env)).toEqual(missing)

  const applied = await readJson(['migrate'], env)
  expect(applied).toEqual({ migrations: missing.migrations, dryRun: false })
  expect((await runHere(['migrate'], env)).stdout).toBe('no migration is missing\n')
})
