import { readFileSync } from 'node:fs'
import { startPgBouncer } from '@titan/servers/topologies'
import { eventually } from '@titan/testkit'
import { createFolder, createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, onTestFinished, test, type TestContext } from 'vitest'
import {
  codeOf,
  createPaymentStore,
  createSimulatedGateway,
  createWriteProbe,
  messageOf,
  openDatabase,
  SESSION_SETTINGS,
  type Database,
} from '../src/index.ts'
import { createPay } from './support/pay.ts'
import { createPayment, read } from './support/payments.ts'

const { sql, url } = await createMigratedDatabase()
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
/** The settings that the README names. */
const [, ignored = ''] = /`ignore_startup_parameters`: `([\w, ]+)`/.exec(readme) ?? []

/** Starts one that ends with the test; without one the test is skipped and says why. */
async function startBouncer(context: TestContext, settings: Readonly<Record<string, string>> = {}) {
  try {
    const all = { ignore_startup_parameters: ignored, ...settings }
    const bouncer = await startPgBouncer(createFolder(), url, all)
    onTestFinished(() => bouncer.stop())
    return bouncer
  } catch (error) {
    if (codeOf(error) !== 'PROGRAM_UNAVAILABLE') throw error
    return context.skip(messageOf(error))
  }
}

function open(toUrl: string): Database {
  const pool = openDatabase(toUrl, { poolSize: 4 })
  onTestFinished(() => pool.end({ timeout: 0 }))
  return pool
}

/** Payments from their creation to their end, several at once. */
async function pay(pool: Database): Promise<void> {
  const store = createPaymentStore(pool)
  const gateway = createSimulatedGateway({ delayMs: 0 })
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      const { id } = await createPayment(store)
      expect(await createPay(store)(id, { gateway })).toBeUndefined()
      expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
    }),
  )
  await createWriteProbe(pool)()
}

// F314 a PgBouncer in transaction mode between the programs and PostgreSQL, with and without prepared statements, two of
//  them of which one ends: payments go their way with the settings of the README
test('payments go through PgBouncer in transaction mode without prepared statements', async (context) => {
  const bouncer = await startBouncer(context)
  await pay(open(`${bouncer.url}?prepare=false`))
})

test('what PgBouncer does not pass on is set for the role', async (context) => {
  const bouncer = await startBouncer(context)
  const [names] =
    await sql`select quote_ident(current_user) || ' in database ' || quote_ident(current_database()) as place`
  for (const name of ignored.split(', ')) {
    const [row] = await sql`select current_setting(${name}) as value`
    await sql.unsafe(`alter role ${names?.['place']} set ${name} = '${row?.['value']}'`)
  }
  onTestFinished(async () => {
    await sql.unsafe(`alter role ${names?.['place']} reset all`)
  })
  const pool = open(`${bouncer.url}?prepare=false`)
  for (const name of [...ignored.split(', '), ...Object.keys(SESSION_SETTINGS)])
    expect(await pool`select current_setting(${name}) as value`, name).toEqual(
      await sql`select current_setting(${name}) as value`,
    )
})

test('payments go through PgBouncer with prepared statements', async (context) => {
  const bouncer = await startBouncer(context)
  const [major = 0, minor = 0] = bouncer.version.split('.').map(Number)
  if (major === 1 && minor < 21) context.skip(`PgBouncer ${bouncer.version} knows no prepared statements`)
  await bouncer.stop()
  await pay(open((await startBouncer(context, { max_prepared_statements: '200' })).url))
})

test('of two PgBouncers the other one is used when one ends', async (context) => {
  const [first, second] = [await startBouncer(context), await startBouncer(context)]
  const both = new URL(first.url)
  const hosts = `127.0.0.1:${first.port},127.0.0.1:${second.port}`
  const pool = open(first.url.replace(both.host, hosts).concat('?prepare=false'))
  await pay(pool)
  await first.kill()
  await eventually(() => pay(pool))
})
