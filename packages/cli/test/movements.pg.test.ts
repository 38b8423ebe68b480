import { createPaymentStore, type Movement } from '@titan/payments'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, it } from 'vitest'
import { readJson, runHere } from './support/in-process.ts'

const { sql, url: databaseUrl } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const env = { DATABASE_URL: databaseUrl }

interface Moved {
  readonly kind: string
  readonly movement: Movement
}

/** Claims a payment or movement by hand and changes it as a worker does. */
async function claimByHand(id: string): Promise<void> {
  await sql`
    update payments set status = 'PROCESSING', fence = fence + 1, claimed_fence = case when parent_id is not null then fence + 1 end,
           event_seq = event_seq + 1, attempt_no = 1, attempt_open = true, gateway = 'simulated', lease_owner = 'w1',
           lease_until = clock_timestamp() + interval '1 minute', gateway_ref = ${`at_gateway_${id}`}
     where id = ${id}`
}

let count = 0

async function pay(): Promise<string> {
  const answer = await store.create({ amount: 500, idempotencyKey: `k${++count}` })
  return 'payment' in answer ? answer.payment.id : ''
}

async function paid(): Promise<string> {
  const id = await pay()
  await claimByHand(id)
  await sql`
    update payments set status = 'SUCCESS', attempt_open = false, event_seq = event_seq + 1, lease_owner = null, lease_until = null
     where id = ${id}`
  return id
}

async function authorized(): Promise<string> {
  const id = await pay()
  await claimByHand(id)
  await sql`
    update payments set waits_for = 'capture', waits_until = clock_timestamp() + interval '7 days', lease_owner = null, lease_until = null
     where id = ${id}`
  return id
}

async function lastAct() {
  const [row] = await sql<
    { operator: string; action: string; target: string; note: string; outcome: string }[]
  >`
    select operator, action, target, note, outcome from operator_actions order by id desc limit 1`
  return row
}

it('refunds a payment under a key that it prints, and a repeat with that key refunds nothing twice', async () => {
  const id = await paid()
  const args = [
    'refunds',
    'create',
    id,
    '--amount',
    '200',
    '--reason',
    'broken',
    '--yes',
    '--operator',
    'ann',
  ]
  const { code, stdout, stderr } = await runHere(args, env)
  expect(code).toBe(0)
  const [refund] = await store.movements(id)
  expect(stdout).toBe(`refund ${refund?.id} of 200 USD (minor units) accepted\n`)
  const key = /run the same command with --key (cli-[\w-]+)/.exec(stderr)?.[1] ?? ''
  expect(refund).toMatchObject({ amount: 200, idempotencyKey: key })
  expect(await store.events(refund?.id ?? '')).toMatchObject([{ actor: 'operator:ann' }])
  expect(await lastAct()).toMatchObject({
    operator: 'ann',
    action: 'payment.refund',
    target: id,
    note: `key ${key}`,
    outcome: `refund ${refund?.id} of 200 USD (minor units) accepted`,
  })

  const again = await readJson<Moved>([...args, '--key', key], env)
  expect(again).toMatchObject({ kind: 'replayed', movement: { id: refund?.id } })
  expect(await store.movements(id)).toHaveLength(1)
  const other = await runHere(['refunds', 'create', id, '--amount', '100', '--yes', '--key', key], env)
  expect(other.code).toBe(1)
  expect(other.stderr).toContain('this key belongs to a different request')
})

it('refuses what the payment does not allow, with code 1 and a record', async () => {
  const id = await paid()
  const { code, stdout, stderr } = await runHere(['refunds', 'create', id, '--amount', '501', '--yes'], env)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('refused: at most 500 minor units are left')
  expect((await lastAct())?.outcome).toBe('refused: at most 500 minor units are left')
  const early = await runHere(['payments', 'void', await pay(), '--yes'], env)
  expect(early.code).toBe(1)
  expect(early.stderr).toContain('cancel it instead')
  expect((await runHere(['refunds', 'create', 'pay_0', '--yes'], env)).stderr).toContain(
    'no such payment: pay_0',
  )
})

it('refunds a second charge of a payment whole, once, under a key', async () => {
  const id = await paid()
  const reference = `dup_${id}`
  const detail = { amount: 500, currency: 'USD' }
  await store.recordBreak({
    kind: 'duplicate_charge',
    paymentId: id,
    gateway: 'simulated',
    reference,
    detail,
  })
  const args = ['refunds', 'create', id, '--charge', reference, '--operator', 'ann']
  const unconfirmed = await runHere(args, env)
  expect(unconfirmed.code).toBe(2)
  expect(await store.movements(id)).toEqual([])
  const unknown = await runHere([...args.slice(0, 4), 'ch_none', '--yes'], env)
  expect(unknown.code).toBe(1)
  expect(unknown.stderr).toContain('refused: no open contradiction with the charge ch_none is on record')
  const part = await runHere([...args, '--amount', '499', '--yes'], env)
  expect(part.stderr).toContain('refused: a charge is refunded whole: 500 minor units')

  const made = await readJson<Moved>([...args, '--yes', '--key', 'mine'], env)
  expect(made).toMatchObject({ kind: 'created', movement: { kind: 'refund', paymentId: id, amount: 500 } })
  expect(await lastAct()).toMatchObject({
    operator: 'ann',
    action: 'payment.refund',
    target: id,
    note: `key mine, charge ${reference}`,
  })
  expect(await readJson<Moved>([...args, '--yes', '--key', 'mine'], env)).toMatchObject({ kind: 'replayed' })
  const own = await runHere(['refunds', 'create', id, '--yes', '--key', 'mine'], env)
  expect(own.stderr).toContain('this key belongs to a different request')
  const second = await runHere([...args, '--yes'], env)
  expect(second.stderr).toContain('refused: the refund of this charge is in progress')
  // It is outside of what the payment can refund.
  expect(await store.get(id)).toMatchObject({ refundsReserved: 0 })
})

it('moves nothing without a confirmation', async () => {
  const id = await paid()
  const { code, stderr } = await runHere(['refunds', 'create', id], env)
  expect(code).toBe(2)
  expect(stderr).toContain('without a terminal, confirm with --yes')
  expect(await store.movements(id)).toEqual([])
})

it.each(['0', '-1', '1.5', '1e3', '9007199254740992'])('refuses an amount of %j', async (amount) => {
  const { code, stderr } = await runHere(['refunds', 'create', 'pay_1', '--amount', amount, '--yes'], env)
  expect(code).toBe(2)
  expect(stderr).toContain('--amount must be')
})

it('captures an authorized payment in part, or releases it', async () => {
  const [one, other] = [await authorized(), await authorized()]
  const captured = await readJson<Moved>(['payments', 'capture', one, '--amount', '300', '--yes'], env)
  expect(captured.movement).toMatchObject({ kind: 'capture', paymentId: one, amount: 300, status: 'PENDING' })
  const released = await readJson<Moved>(['payments', 'void', other, '--yes', '--key', 'mine'], env)
  expect(released.movement).toMatchObject({ kind: 'void', amount: 500, idempotencyKey: 'mine' })
})

it('lists and shows refunds', async () => {
  const id = await paid()
  const ids: string[] = []
  for (const amount of ['1', '2'])
    ids.unshift(
      (await readJson<Moved>(['refunds', 'create', id, '--amount', amount, '--yes'], env)).movement.id,
    )

  interface Page {
    readonly refunds: readonly Movement[]
    readonly next: string | null
  }
  const first = await readJson<Page>(['refunds', 'list', '--payment', id, '--limit', '1'], env)
  const rest = await readJson<Page>(['refunds', 'list', '--payment', id, '--after', first.next ?? ''], env)
  expect([...first.refunds, ...rest.refunds].map((one) => one.id)).toEqual(ids)
  expect(await readJson<Page>(['refunds', 'list', '--status', 'failed', '--payment', id], env)).toMatchObject(
    { refunds: [] },
  )
  const table = await runHere(['refunds', 'list', '--payment', id], env)
  expect(table.stdout).toMatch(new RegExp(`^${ids[0]} +${id} +PENDING +2 +USD `, 'm'))

  const shown = await runHere(['refunds', 'show', ids[0] ?? ''], env)
  expect(shown.stdout).toMatch(new RegExp(`^payment +${id}$`, 'm'))
  expect(shown.stdout).toMatch(/^ *1 +\S+ +refund\.created +PENDING /m)
  const none = await runHere(['refunds', 'show', 'ref_0'], env)
  expect({ code: none.code, stderr: none.stderr }).toEqual({
    code: 1,
    stderr: 'titan refunds show: no such refund: ref_0\n',
  })
})

it('prints what a customer has to do without its secret, and only while the payment waits for it', async () => {
  const id = await pay()
  await claimByHand(id)
  await sql`
    update payments set waits_for = 'customer', waits_until = clock_timestamp() + interval '1 hour', has_details = true,
           lease_owner = null, lease_until = null
     where id = ${id}`
  await sql`
    insert into payment_details (payment_id, next_action)
    values (${id}, '{"type": "sdk", "clientSecret": "pi_1_secret_2"}')`
  const list = async () => (await runHere(['payments', 'list', '--limit', '1', '--json'], env)).stdout
  const waiting = await list()
  expect(waiting).toContain('"sdk"')
  expect(waiting).not.toContain('pi_1_secret_2')
  await sql`
    update payments set waits_for = null, waits_until = null, needs_review = true, event_seq = event_seq + 1
     where id = ${id}`
  expect(await list()).not.toContain('"sdk"')
})
