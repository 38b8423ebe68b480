import { readLedger, startGatewaySimulator } from '@titan/gateway-simulator'
import { afterAll, afterEach, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest'
import { findOpenBreaks, verify, type Finding } from '../src/index.ts'
import { ATTEMPT_BREACHES } from './support/attempt-breaches.ts'
import { charged, same } from './support/breach.ts'
import { MONEY_BREACHES } from './support/money-breaches.ts'
import { STATE_BREACHES } from './support/state-breaches.ts'
import { runHere } from './support/in-process.ts'
import { runTitan, type Run } from './support/titan.ts'
import { createWorlds, type World } from './support/world.ts'

const worlds = await createWorlds({ databaseUrl: inject('databaseUrl'), redisUrl: inject('redisUrl') })
afterAll(() => worlds.close())

let world: World
beforeEach(async () => {
  world = await worlds.create()
})
afterEach(() => world.close())

interface Verdicts extends Run {
  readonly findings: readonly Finding[]
  /** The broken invariants, each with its offenders. */
  readonly broken: Readonly<Record<string, readonly string[]>>
}

async function runVerify(args: readonly string[] = []): Promise<Verdicts> {
  const run = await runHere(['verify', '--json', '--ledger', world.ledger, ...args], world.env)
  if (run.stdout === '') throw new Error(`no report: ${run.stderr}`)
  const { findings } = JSON.parse(run.stdout) as { readonly findings: readonly Finding[] }
  const failed = findings.filter(({ verdict }) => verdict === 'FAIL')
  return { ...run, findings, broken: Object.fromEntries(failed.map(({ id, offenders }) => [id, offenders])) }
}

const WHEN = 60_000

/** Breaches that leave no trace in the data. */
const UNSEEN = ['I14', 'I15', 'I21', 'I22', 'I24', 'I27', 'I28']

describe('titan verify on payments that are sound', () => {
  it('passes everything that shows in the data, with code 0', { timeout: WHEN }, async () => {
    const { code, findings, broken } = await runVerify()

    expect(broken).toEqual({})
    expect(code).toBe(0)
    const skipped = findings.filter(({ verdict }) => verdict === 'SKIPPED').map(({ id }) => id)
    expect(skipped).toEqual(['I5', ...UNSEEN])
    // From I31 to I36 the rules are about webhooks and logs, which other tests hold.
    const numbers = Array.from({ length: 40 }, (_, index) => index + 1).filter((n) => n < 31 || n > 36)
    expect(findings.map(({ id }) => id)).toEqual(numbers.map((number) => `I${number}`))
    expect(findings.map(({ name }) => name.slice(0, 4))).toEqual(
      numbers.map((number) => `I${String(number).padStart(2, '0')}_`),
    )
  })

  it('skips what only the ledger and Redis show, when they are not given', async () => {
    const findings = await verify({ sql: world.sql })

    const skipped = findings.filter(({ verdict }) => verdict === 'SKIPPED').map(({ id }) => id)
    const lacking = ['I1', 'I2', 'I3', 'I4', 'I5', 'I12', 'I20', 'I23']
    expect(skipped.toSorted()).toEqual([...lacking, ...UNSEEN].toSorted())
    expect(findings.filter(({ verdict }) => verdict === 'FAIL')).toEqual([])
  })

  it('takes a ledger in memory, as fault tests have it', async () => {
    const ledger = await readLedger(world.ledger)
    const { sql, redis, prefix } = world

    expect(ledger.charges).toHaveLength(4)
    const findings = await verify({ sql, redis, prefix, ledger })
    expect(findings.filter(({ verdict }) => verdict === 'FAIL')).toEqual([])
    const lacking = await verify({ sql, redis, prefix, ledger: { ...ledger, charges: [] } })
    expect(lacking.filter(({ verdict }) => verdict === 'FAIL').map(({ id }) => id)).toEqual(['I2', 'I4'])
  })

  it('reads the ledger of a running gateway', { timeout: WHEN }, async () => {
    const simulator = await startGatewaySimulator({ ledgerPath: world.ledger })
    onTestFinished(() => simulator.close())

    const { code, stdout } = await runTitan(['verify', '--ledger-url', simulator.url], world.env)
    expect(stdout).toContain('26 passed, 0 failed, 8 skipped')
    expect(code).toBe(0)
  })

  it('changes nothing', async () => {
    const read = (): Promise<unknown> =>
      world.sql`select * from payments natural full join (select count(*) as events from payment_history) e order by id`
    const before = await read()
    await verify({ ...world, ledger: await readLedger(world.ledger), settled: true })
    expect(await read()).toEqual(before)
    const tables =
      await world.sql`select tablename from pg_tables where tablename in ('charge', 'request', 'mismatch')`
    expect(tables).toEqual([])
  })
})

describe('titan verify ends with code 1 and names', () => {
  it.each([...MONEY_BREACHES, ...ATTEMPT_BREACHES, ...STATE_BREACHES])(
    // F166
    '$name ($breaks)',
    { timeout: WHEN },
    async (breach) => {
      await breach.plant(world)

      const { code, broken } = await runVerify(breach.args)
      expect(Object.keys(broken)).toEqual(breach.breaks)
      const offender = breach.offender?.(world) ?? world.ids.paid
      expect(broken[breach.breaks[0] ?? '']).toContain(offender)
      expect(code).toBe(1)
    },
  )
})

describe('titan verify', () => {
  it('leaves payments with a recorded contradiction to those who resolve it, and lists them', async () => {
    const { store, sql, ids, ledger } = world
    await world.rewrite(same, [await charged(world, { reference: ids.canceled })])
    const contradiction = { kind: 'late_charge', paymentId: ids.canceled, gateway: 'stripe' } as const
    await store.recordBreak({ ...contradiction, reference: 'pi_late', detail: {} })

    const findings = await verify({ sql, ledger: await readLedger(ledger) })
    expect(findings.filter(({ verdict }) => verdict === 'FAIL')).toEqual([])
    expect(await findOpenBreaks(sql)).toEqual({ count: 1, offenders: [`late_charge ${ids.canceled}`] })
  })

  it('passes a payment that is parked for a late charge, then the one that failed with its refund', async () => {
    const { store, sql, ids } = world
    // Its charge is in the ledger; here the gateway had declined it first.
    await world.plant(
      (own) => own`
        with closed as (update payments set attempt_open = false, gateway_ref = null where id = ${ids.unknown})
        update payment_attempts set outcome = 'DECLINED', decided_at = clock_timestamp() where payment_id = ${ids.unknown}`,
    )
    const { intentId } = await world.chargeOf(ids.unknown)
    await store.recordBreak({
      kind: 'late_charge',
      paymentId: ids.unknown,
      gateway: 'stripe',
      reference: intentId ?? '',
      detail: {},
    })
    expect(await store.get(ids.unknown)).toMatchObject({ status: 'PROCESSING', needsReview: true })
    expect((await runVerify()).broken).toEqual({})

    const evidence = { refundRef: 're_1', operator: 'ann', note: 'refunded' }
    const refund = { ...evidence, gatewayRef: intentId ?? '' }
    expect(await store.recordRefund(ids.unknown, refund)).toBe('failed')
    expect((await runVerify()).broken).toEqual({})
    expect(await findOpenBreaks(sql)).toMatchObject({ count: 0 })
    // Without the refund the same books are a breach.
    await sql`update reconciliation_breaks set refund_ref = null`
    expect(Object.keys((await runVerify()).broken)).toEqual(['I3', 'I4'])
  })

  it('finds a second charge of a payment that is parked for a late one', { timeout: WHEN }, async () => {
    const { store, ids } = world
    await store.recordBreak({
      kind: 'late_charge',
      paymentId: ids.unknown,
      gateway: 'stripe',
      reference: 'pi_late',
      detail: {},
    })
    await world.rewrite(same, [await charged(world, { reference: ids.unknown })])
    expect((await runVerify()).broken).toEqual({ I1: [ids.unknown] })
  })

  it('looks for payments of the ledger’s own gateway only, when it is told which', async () => {
    await world.plant(async (sql) => {
      await sql`update payments set gateway = 'other' where id = ${world.ids.paid}`
      await sql`update payment_attempts set gateway = 'other' where payment_id = ${world.ids.paid}`
    })
    const ledger = await readLedger(world.ledger)
    const others = {
      ...ledger,
      charges: ledger.charges.filter(({ reference }) => reference !== world.ids.paid),
    }

    const failing = async (gateway?: string): Promise<string[]> =>
      (await verify({ sql: world.sql, ledger: others, gateway }))
        .filter(({ verdict }) => verdict === 'FAIL')
        .map(({ id }) => id)
    expect(await failing('stripe')).toEqual([])
    expect(await failing()).toEqual(['I2', 'I4'])
  })

  it('counts every offender and names ten', { timeout: WHEN }, async () => {
    await world.plant(
      (sql) => sql`
        insert into payment_event_rows (payment_id, seq, type, to_status, actor)
        select 'pay_' || n, 1, 'payment.created', 'PENDING', 'api' from generate_series(1, 5000) n`,
    )
    const { stdout, code } = await runTitan(['verify'], world.env)

    expect(stdout).toContain('5000 × an event names a payment that does not exist: pay_1, pay_10, pay_100,')
    expect(stdout).toMatch(
      /^I06_nothing_is_lost +FAIL {5}Every payment .*\n +5000 × .*: (pay_\d+, ){10}…\n +→ Restore/m,
    )
    expect(stdout).toMatch(/^I01_charged_at_most_once +SKIPPED .*\n +no ledger of the gateway was given$/m)
    expect(stdout).not.toContain('\u001B')
    expect(code).toBe(1)
  })

  it.each([
    ['without servers', ['verify'], 'titan verify: DATABASE_URL must be set'],
    ['with a flag that is none', ['verify', '--ledgr', 'x'], 'titan verify: unknown flag --ledgr'],
    ['with a command that is none', ['verfy'], "titan: unknown command 'verfy'"],
  ])('ends with code 2 %s', { timeout: WHEN }, async (_, args, complaint) => {
    const { code, stdout, stderr } = await runHere(args, {})
    expect(stderr).toContain(complaint)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  it('ends with code 2 when the ledger cannot be read, or there are two', { timeout: WHEN }, async () => {
    const missing = await runHere(['verify', '--ledger', `${world.ledger}.none`], world.env)
    expect(missing.stderr).toMatch(/^titan verify: \S+ledger\.jsonl\.none cannot be read: ENOENT/)
    expect(missing.code).toBe(2)
    const both = await runHere(['verify', '--ledger', 'a', '--ledger-url', 'http://127.0.0.1:1'], world.env)
    expect(both.stderr).toBe('titan verify: --ledger and --ledger-url exclude each other\n')
    expect(both.code).toBe(2)
  })
})
