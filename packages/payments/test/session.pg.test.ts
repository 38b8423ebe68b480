import { onTestFinished, expect, test } from 'vitest'
import {
  createPaymentStore,
  createSimulatedGateway,
  openDatabase,
  SESSION_SETTINGS,
  type Database,
  type DatabaseOptions,
} from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { findBreaches } from './support/ledger.ts'
import { createPay } from './support/pay.ts'
import { createPayment, newKey, read } from './support/payments.ts'

const { sql, url } = await createMigratedDatabase()
const [names] = await sql<{ database: string; role: string }[]>`
  select quote_ident(current_database()) as database, quote_ident(current_user) as role`
const { database = '', role = '' } = names ?? {}

const UNUSUAL = [
  "datestyle = 'German'",
  "datestyle = 'SQL, DMY'",
  "datestyle = 'Postgres, MDY'",
  "timezone = 'Asia/Kathmandu'",
  "timezone = 'America/St_Johns'",
  "intervalstyle = 'iso_8601'",
  "client_encoding = 'LATIN1'",
  'standard_conforming_strings = off',
  'bytea_output = escape',
  'extra_float_digits = -15',
  'array_nulls = off',
  "default_transaction_isolation = 'serializable'",
  'default_transaction_deferrable = on',
  'enable_nestloop = off',
  'enable_indexscan = off',
  "lc_messages = 'C'",
  'statement_timeout = 1',
  'lock_timeout = 1',
  'idle_in_transaction_session_timeout = 1',
  'search_path = elsewhere, public',
]

function open(options: DatabaseOptions = {}): Database {
  const pool = openDatabase(url, options)
  onTestFinished(() => pool.end({ timeout: 0 }))
  return pool
}

/** Sets it for this database, or for the role in it, until the test has finished. */
async function setFor(whom: 'database' | 'role', setting: string): Promise<void> {
  const target = whom === 'database' ? `database ${database}` : `role ${role} in database ${database}`
  await sql.unsafe(`alter ${target} set ${setting}`)
  onTestFinished(async () => {
    await sql.unsafe(`alter ${target} reset all`)
  })
}

/** A payment through all its states, and all that is read of it. */
async function live(pool: Database): Promise<void> {
  const store = createPaymentStore(pool)
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const before = Date.now()
  const key = `${newKey()}\\`
  const created = await store.create({ amount: 9_007_199_254_740_991, idempotencyKey: key })
  expect(created).toMatchObject({ kind: 'created', payment: { amount: 9_007_199_254_740_991 } })
  const { id } = 'payment' in created ? created.payment : await createPayment(store)
  expect(await createPay(store)(id, { gateway })).toBeUndefined()
  const payment = await read(store, id)
  expect(payment).toMatchObject({ status: 'SUCCESS', idempotencyKey: key })
  for (const at of [payment.createdAt, payment.updatedAt]) {
    expect(at.getTime()).toBeGreaterThan(before - 60_000)
    expect(at.getTime()).toBeLessThan(Date.now() + 60_000)
  }
  expect(
    (await store.page({ createdAfter: new Date(before - 60_000), idempotencyKey: key })).payments,
  ).toEqual([payment])
  expect(await findBreaches(sql, store, gateway.ledger, id)).toEqual([])
}

// F126 a database or a role that sets `DateStyle`, `TimeZone`, `bytea_output`, isolation, timeouts and every
//  other setting that a session may have: payments, times, bytes and numbers as ever: each connection sets
//  what the code relies on; the doctor says where a pooler drops it
test.each(UNUSUAL)('a database that sets %s changes nothing for a payment', async (setting) => {
  await setFor('database', setting)
  await live(open())
})

// F126
test('a role that sets all of it changes nothing for a payment, nor for what a session is asked to be', async () => {
  for (const setting of UNUSUAL) await setFor('role', setting)
  await live(open())
  for (const options of [{}, { keyedPlans: false, statementTimeoutMs: 0 }]) {
    const pool = open(options)
    for (const [name, value] of Object.entries(SESSION_SETTINGS))
      expect(await pool`select current_setting(${name}) as value`, name).toEqual([{ value }])
    expect(await pool`select pg_sleep(0.05)`).toHaveLength(1)
  }
})

// F126
test('bytes, numbers and times are read as they are, whatever the database sets', async () => {
  for (const setting of UNUSUAL) await setFor('database', setting)
  const bytes = Buffer.from([0, 1, 92, 127, 128, 255])
  const at = new Date('2026-07-01T12:34:56.789Z')
  const [row] = await open()`
    select ${bytes}::bytea as bytes, 0.1234567890123456::float8 as float, ${at}::timestamptz as at,
           (${['a', null]}::text[])[2] is null as null, 'Grüße' as text, '\\d'::text as backslash`
  expect(row).toEqual({ bytes, float: 0.1234567890123456, at, null: true, text: 'Grüße', backslash: '\\d' })
})
