import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { afterAll, expect, test } from 'vitest'
import { readJson, runHere } from './support/in-process.ts'

const { sql, url } = await createMigratedDatabase()
const folder = mkdtempSync(join(tmpdir(), 'titan-accounts-'))
afterAll(() => rmSync(folder, { recursive: true }))
const [first, second] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
const env = {
  DATABASE_URL: url,
  GATEWAYS: 'stripe',
  STRIPE_SECRET_KEY: 'sk_test_ours',
  WEBHOOK_ENCRYPTION_KEY: first,
}

function file(text: string): string {
  const path = join(folder, `${Math.random()}.env`)
  writeFileSync(path, text)
  return path
}

const set = (account: string, text: string, ...more: readonly string[]) =>
  runHere(['accounts', 'credentials', 'set', account, 'stripe', '--from', file(text), ...more], env)

test('accounts are created, marked, paused and resumed, with a row for each act', async () => {
  expect(await readJson(['accounts', 'create', 'acme', '--name', 'Acme'], env)).toMatchObject({ mode: null })
  expect((await runHere(['accounts', 'create', 'acme'], env)).code).toBe(1)
  expect(await readJson(['accounts', 'mark', 'acme', '--mode', 'test'], env)).toMatchObject({ mode: 'test' })
  expect((await runHere(['accounts', 'mark', 'acme', '--mode', 'live'], env)).code).toBe(1)
  for (const act of ['pause', 'resume']) expect((await runHere(['accounts', act, 'acme'], env)).code).toBe(0)
  expect((await runHere(['accounts', 'pause', 'nobody'], env)).code).toBe(1)
  expect(await readJson(['accounts', 'show', 'acme'], env)).toMatchObject({ id: 'acme', pausedAt: null })
  const rows = await sql<
    { action: string }[]
  >`select action from operator_actions where target = 'acme' order by id`
  expect(rows.map(({ action }) => action)).toEqual([
    'account.mark-test',
    'account.mark-live',
    'account.pause',
    'account.resume',
  ])
})

test('credentials are sealed and never shown, and those that fit no account are refused', async () => {
  const secret = 'sk_test_canary4711'
  const stored = await set('acme', `STRIPE_SECRET_KEY=${secret}\n`)
  expect(stored).toMatchObject({
    code: 0,
    stdout: 'stripe@acme.1\nWebhooks of the gateway: POST /gateway-webhooks/stripe/acme\n',
  })
  const refusals = [
    await set('acme', 'STRIPE_SECRET_KEY=sk_live_canary4711\n', '--gateway-account', 'other'),
    await set('acme', `STRIPE_SECRET_KEY=${secret}\n`),
    await set('acme', 'STRIPE_SECRET_KEY=canary4711\n', '--gateway-account', 'same'),
    await set('acme', `DATABASE_URL=canary4711\n`, '--gateway-account', 'same'),
    await set('nobody', `STRIPE_SECRET_KEY=${secret}\n`),
  ]
  for (const { code } of refusals) expect(code).not.toBe(0)
  const listed = await runHere(['accounts', 'credentials', 'list'], env)
  const resealed = await runHere(['accounts', 'credentials', 'reseal'], {
    ...env,
    WEBHOOK_ENCRYPTION_KEY: `${second},${first}`,
  })
  expect(resealed.stdout).toBe('1 sealed\n')
  const after = await runHere(['accounts', 'credentials', 'reseal'], {
    ...env,
    WEBHOOK_ENCRYPTION_KEY: second,
  })
  expect(after.code).toBe(0)
  const [row] = await sql<{ text: string }[]>`
    select (select string_agg(g::text, ' ') from gateway_credentials g)
           || (select string_agg(o::text, ' ') from operator_actions o) as text`
  expect(JSON.stringify([stored, refusals, listed, row])).not.toContain('canary4711')
  expect(row?.text).not.toContain(Buffer.from('canary4711').toString('hex'))
  const remove = () => runHere(['accounts', 'credentials', 'remove', 'acme', 'stripe'], env)
  expect((await remove()).code).toBe(0)
  expect((await remove()).code).toBe(1)
})
