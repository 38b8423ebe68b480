import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { applyOutcome, createPaymentStore, gatewayKeyOf, type MoneyRecord } from '@titan/payments'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Finding } from '../src/index.ts'
import { verify } from '../src/verify/verify.ts'
import { runHere } from './support/in-process.ts'
import type { Run } from './support/titan.ts'

const { sql, url } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const folder = await mkdtemp(join(tmpdir(), 'titan-verify-gateway-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

const HOUR_MS = 3_600_000
/** A gateway that lists what a file holds, three a page. */
const MODULE = `import { readFile } from 'node:fs/promises'
const refuse = () => Promise.reject(new Error('only reads'))
export default () => ({
  name: 'books', keyTtlMs: ${24 * HOUR_MS}, charge: refuse, move: refuse, abandon: refuse, lookup: refuse,
  async list({ since, until, cursor = '0' }) {
    const all = JSON.parse(await readFile('${join(folder, 'records.json')}', 'utf8'))
    const found = all.map((one) => ({ ...one, at: new Date(one.at) })).filter(({ at }) => at >= since && at < until)
    const from = Number(cursor)
    return { records: found.slice(from, from + 3), next: found.length > from + 3 ? String(from + 3) : undefined }
  },
})`

async function pay(key: string, gateway = 'books', code?: string): Promise<string> {
  const account = gateway.includes('@') ? 'acme' : 'default'
  const answer = await store.create({ amount: 500, idempotencyKey: key, account })
  if (answer.kind !== 'created') throw new Error('not created')
  const { id: paymentId } = answer.payment
  await store.markQueued([paymentId], 'api')
  await store.claim(paymentId, { owner: 'w', leaseMs: 60_000, gateway })
  const money = { gatewayRef: `ch_${paymentId}`, amount: 500, currency: 'USD' }
  const outcome =
    code === undefined
      ? ({ type: 'SUCCEEDED', ...money } as const)
      : ({ type: 'DECLINED', code, kind: 'hard' } as const)
  const effect = await applyOutcome({ paymentId, attemptNo: 1, gateway, outcome, actor: 'w' }, { store })
  expect(effect).toBe('settled')
  return paymentId
}

function charge(paymentId: string, given: Partial<MoneyRecord> = {}): MoneyRecord {
  const gatewayKey = gatewayKeyOf(paymentId, 1)
  const money = { gatewayRef: `ch_${paymentId}`, gatewayKey, amount: 500, currency: 'USD' }
  return { kind: 'charge', ...money, status: 'succeeded', at: new Date(Date.now() - 10_000), ...given }
}

/** Payments by what became of them, and the gateway's records of them. */
const ids = { paid: '', other: '', slow: '', old: '', failed: '', elsewhere: '', place: '', open: '' }
const stranger = `pay_${'0'.repeat(32)}`
let records: readonly MoneyRecord[]

/** Lets everything about a payment but its success have happened earlier. */
async function sendEarlier(id: string, hours: number, wasPaid: number): Promise<void> {
  await sql.begin(async (own) => {
    await own`set local session_replication_role = replica`
    const [before, ended] = [`${hours} hours`, `${wasPaid} hours`]
    await own`
      update payments set created_at = created_at - ${before}::interval, queued_at = queued_at - ${before}::interval,
             claimed_at = claimed_at - ${before}::interval, first_sent_at = first_sent_at - ${before}::interval,
             ended_at = ended_at - ${ended}::interval
       where id = ${id}`
    await own`
      update payment_attempts set created_at = created_at - ${before}::interval, first_sent_at = first_sent_at - ${before}::interval,
             decided_at = decided_at - ${ended}::interval
       where payment_id = ${id}`
    await own`
      update payment_event_rows set at = at - (case when type = 'payment.succeeded' then ${ended} else ${before} end)::interval
       where payment_id = ${id}`
  })
}

beforeAll(async () => {
  await writeFile(join(folder, 'gateway.js'), MODULE)
  await sql`insert into accounts (id, name) values ('acme', 'Acme')`
  await sql`
    insert into gateway_credentials (place, account, gateway, number, sealed) values ('books@acme.1', 'acme', 'books', 1, '')`
  for (const fate of ['paid', 'other', 'slow', 'old'] as const) ids[fate] = await pay(fate)
  ids.failed = await pay('failed', 'books', 'stolen_card')
  ids.elsewhere = await pay('elsewhere', 'adyen')
  ids.place = await pay('place', 'books@acme.1')
  await sendEarlier(ids.slow, 5, 0)
  await sendEarlier(ids.old, 5, 4)
  const open = await store.create({ amount: 500, idempotencyKey: 'open' })
  ids.open = open.kind === 'created' ? open.payment.id : ''
  await store.claim(ids.open, { owner: 'w', leaseMs: 60_000, gateway: 'books' })
  const foreign = { gatewayKey: undefined, gatewayRef: 'ch_shop', amount: 9_000 }
  records = [
    // By a clock that is slow.
    charge(ids.paid, { at: new Date(Date.now() - 90_000) }),
    charge(ids.other),
    charge(ids.slow, { at: new Date(Date.now() - 5 * HOUR_MS) }),
    charge(ids.old, { at: new Date(Date.now() - 5 * HOUR_MS) }),
    charge(ids.place),
    charge(ids.open),
    charge(ids.failed, { status: 'failed' }),
    charge(stranger, foreign),
    charge(stranger, { kind: 'refund', gatewayRef: 're_1' }),
  ]
})

interface Verdicts {
  readonly code: Run['code']
  readonly findings: readonly Finding[]
  readonly broken: Readonly<Record<string, readonly string[]>>
}

async function check(change: (sound: readonly MoneyRecord[]) => readonly MoneyRecord[]): Promise<Verdicts> {
  await writeFile(join(folder, 'records.json'), JSON.stringify(change(records)))
  const args = ['verify', '--gateway', 'books', '--since', '1h', '--settle-ms', '0', '--no-redis', '--json']
  const env = { DATABASE_URL: url, REDIS_URL: 'redis://127.0.0.1:1', GATEWAYS: join(folder, 'gateway.js') }
  const { code, stdout, stderr } = await runHere(args, env)
  if (stdout === '') throw new Error(stderr)
  const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] }
  const failed = findings.filter(({ verdict }) => verdict === 'FAIL')
  return { code, findings, broken: Object.fromEntries(failed.map(({ id, offenders }) => [id, offenders])) }
}

const changed = (id: () => string, given: Partial<MoneyRecord>) => (sound: readonly MoneyRecord[]) =>
  sound.map((record) => (record.gatewayRef === `ch_${id()}` ? { ...record, ...given } : record))
const without = (id: () => string) => (sound: readonly MoneyRecord[]) =>
  sound.filter(({ gatewayRef }) => gatewayRef !== `ch_${id()}`)
const added = (record: () => MoneyRecord) => (sound: readonly MoneyRecord[]) => [...sound, record()]

const rows = (): Promise<unknown> =>
  sql`select (select json_agg(p order by id) from payments p) as payments, (select count(*) from reconciliation_breaks) as breaks,
             (select count(*) from payment_event_rows) as events, (select count(*) from reconciliation_marks) as marks`

it('passes what a list shows when both sides agree, names what it does not show, and writes nothing', async () => {
  const before = await rows()
  const { code, findings, broken } = await check((sound) => sound)
  expect({ code, broken }).toEqual({ code: 0, broken: {} })
  const verdictOf = (id: string) => findings.find((finding) => finding.id === id)
  for (const id of ['I1', 'I2', 'I3', 'I4', 'I6'])
    expect(verdictOf(id)).toMatchObject({ verdict: 'PASS', reason: expect.stringContaining('list of books') })
  for (const id of ['I10', 'I11', 'I12', 'I37', 'I38'])
    expect(verdictOf(id)).toMatchObject({
      verdict: 'SKIPPED',
      reason: expect.stringMatching(/list|reconcile/),
    })
  expect(await rows()).toEqual(before)
})

const sums = [expect.stringMatching(/^(USD|EUR) payments \d+, charges \d+$/)]

it.each([
  ['a charge that is missing there', without(() => ids.paid), { I2: () => ids.paid, I4: sums }],
  ['a slow payment whose charge is missing', without(() => ids.slow), { I2: () => ids.slow, I4: sums }],
  ['another amount', changed(() => ids.paid, { amount: 499 }), { I2: () => ids.paid, I4: sums }],
  ['another charge', changed(() => ids.paid, { gatewayRef: 'ch_2' }), { I2: () => ids.paid }],
  [
    'FAILED, and charged',
    changed(() => ids.failed, { status: 'succeeded' }),
    { I3: () => ids.failed, I4: sums },
  ],
  [
    'charged under two keys',
    added(() => charge(ids.paid, { gatewayRef: 'ch_2', gatewayKey: gatewayKeyOf(ids.paid, 2) })),
    { I1: () => ids.paid, I4: sums },
  ],
  [
    'charged again after its success before the span',
    added(() => charge(ids.old, { gatewayRef: 'ch_2', gatewayKey: gatewayKeyOf(ids.old, 2) })),
    { I1: () => ids.old, I4: sums },
  ],
  [
    'charged here and at another gateway',
    added(() => charge(ids.elsewhere, { gatewayRef: 'ch_2' })),
    { I1: () => ids.elsewhere, I4: sums },
  ],
  [
    'charged at two places of it',
    changed(() => ids.place, { gatewayRef: 'ch_2' }),
    { I1: () => ids.place, I4: sums },
  ],
  [
    'a key that was forgotten',
    added(() => charge(ids.open, { gatewayRef: 'ch_2' })),
    { I1: () => ids.open, I12: () => ids.open },
  ],
  ['a payment that does not exist', added(() => charge(stranger)), { I4: sums, I6: () => stranger }],
])('ends with code 1 and names %s', async (_what, change, expected) => {
  const { code, broken } = await check(change)
  const named = Object.entries(expected).map(([id, offender]) => [
    id,
    typeof offender === 'function' ? [offender()] : offender,
  ])
  expect({ code, broken }).toEqual({ code: 1, broken: Object.fromEntries(named) })
})

it('believes the list of a place about the payments of its account alone', async () => {
  const day = 24 * HOUR_MS
  const [since, until] = [-day, day].map((ms) => new Date(Date.now() + ms)) as [Date, Date]
  const listed = (id: string, key: string) => {
    return { id, intentId: id, key, amount: 500, currency: 'USD', at: Date.now() }
  }
  const own = { ...listed(`ch_${ids.place}`, gatewayKeyOf(ids.place, 1)), reference: ids.place }
  const forged = { ...listed('ch_forged', gatewayKeyOf(ids.paid, 2)), reference: ids.paid }
  const list = { gateway: 'books@acme.1', since, until, from: since, older: 0, keyTtlMs: day }
  const shared = { sql, prefix: 'none', maxRetries: 5, settled: false, gateway: list.gateway }
  const failed = async (...charges: readonly (typeof own)[]): Promise<string[]> => {
    const findings = await verify({ ...shared, list: { ...list, charges } })
    return findings.filter(({ verdict }) => verdict === 'FAIL').map(({ id }) => id)
  }
  expect(await failed(own, forged)).toEqual([])
  expect(await failed(forged)).toContain('I2')
})

it('names a charge after the shelf life of its key, and takes a contradiction that is open', async () => {
  await sendEarlier(ids.open, 30, 0)
  expect((await check((sound) => sound)).broken).toEqual({ I12: [ids.open] })
  await sendEarlier(ids.open, -30, 0)
  const late = { kind: 'late_charge', paymentId: ids.failed, gateway: 'books', detail: {} } as const
  await store.recordBreak({ ...late, reference: `ch_${ids.failed}` })
  expect(await check(changed(() => ids.failed, { status: 'succeeded' }))).toMatchObject({
    code: 0,
    broken: {},
  })
})

it('says which list it cannot read, with code 2', async () => {
  const env = { DATABASE_URL: url, REDIS_URL: 'redis://127.0.0.1:1', GATEWAYS: join(folder, 'gateway.js') }
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await runHere(['verify', '--no-redis', ...args], env)
    expect(code).toBe(2)
    return stderr
  }
  expect(await refused('--gateway', 'stripe')).toContain('GATEWAYS must name stripe with a list')
  expect(await refused('--since', '1d')).toContain('--since and --until select from the list of a gateway')
  expect(await refused('--ledger', 'none.jsonl', '--gateway', 'books', '--since', '1d')).toContain(
    'a ledger is compared whole',
  )
  await rm(join(folder, 'records.json'))
  expect(await refused('--gateway', 'books')).toContain('the gateway books cannot list its records')
})
