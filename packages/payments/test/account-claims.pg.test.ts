import { createMigratedDatabase } from '@titan/testkit/vitest'
import { describe, expect, it } from 'vitest'
import { createAccountStore, createPaymentStore, createSimulatedGateway } from '../src/index.ts'
import { CredentialStore, type Seal } from '../src/store/accounts/credentials.ts'
import { AccountGateways } from '../src/gateways/account-gateways.ts'
import { gatewaysOf } from '../src/gateways/gateways.ts'
import { createPay } from './support/pay.ts'
import { read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const accounts = createAccountStore(sql)
const pay = createPay(store)

/** Seals nothing, and opens what it sealed in the same context only. */
const PLAIN: Seal = {
  seal: (text, context) => Buffer.from(`${context}\n${text}`),
  open(sealed, context) {
    const [sealedIn, text = ''] = Buffer.from(sealed).toString().split('\n')
    if (sealedIn !== context) throw new Error('unreadable')
    return text
  },
}
const credentials = new CredentialStore(sql, PLAIN)

let count = 0

async function newAccount(mode: 'test' | 'live' | null = null): Promise<string> {
  const id = `shop-${++count}`
  await accounts.create({ id, name: id, mode })
  return id
}

async function newPayment(account?: string): Promise<string> {
  const answer = await store.create({ account, amount: 500, idempotencyKey: `key-${++count}` })
  if (answer.kind !== 'created') throw new Error(answer.kind)
  return answer.payment.id
}

const simulated = (options: Parameters<typeof createSimulatedGateway>[0] = {}) =>
  createSimulatedGateway({ delayMs: 0, successRate: 1, ...options })
const claimAt = (id: string, gateway: string, mode?: 'test' | 'live') =>
  store.claim(id, { owner: 'w1', leaseMs: 15_000, gateway, mode })
const skippedFor = (reason: string) => expect.objectContaining({ kind: 'skipped', reason })

describe('test and live money', () => {
  it('never mix: a gateway claims no payment of an account of the other mode, and an unmarked one fits all', async () => {
    const gateways = { test: simulated(), live: simulated({ mode: 'live' }) }
    for (const mode of ['test', 'live', null] as const) {
      const account = await newAccount(mode)
      for (const at of ['test', 'live'] as const) {
        const id = await newPayment(account)
        const gateway = gateways[at]
        const thrown = await pay(id, { gateway })
        const fits = mode === null || mode === at
        expect(await read(store, id)).toMatchObject({
          status: fits ? 'SUCCESS' : 'PENDING',
          attemptNo: fits ? 1 : 0,
        })
        expect(gateway.requests.some(({ paymentId }) => paymentId === id)).toBe(fits)
        // The job goes back, for a worker with another gateway.
        if (!fits) expect(thrown).toMatchObject({ name: 'RetryError', countsAsAttempt: false })
      }
    }
  })

  it('never mix in the open attempt, nor in a refund, of an account that was marked later', async () => {
    const account = await newAccount()
    const paid = await newPayment(account)
    expect(await pay(paid, { gateway: simulated() })).toBeUndefined()
    const unknown = await newPayment(account)
    await pay(unknown, { gateway: simulated({ successRate: 0, unknownRate: 1 }) })
    await accounts.mark(account, 'test')
    const refund = await store.createMovement({
      kind: 'refund',
      paymentId: paid,
      idempotencyKey: 'r1',
      actor: 'test',
    })
    if (refund.kind !== 'created') throw new Error(refund.kind)
    await sql`update payments set next_run_at = clock_timestamp() where id = ${unknown}`
    for (const id of [unknown, refund.movement.id]) {
      expect(await claimAt(id, 'simulated', 'live')).toEqual(skippedFor('other_mode'))
      expect(await claimAt(id, 'simulated', 'test')).toMatchObject({ kind: 'claimed' })
    }
  })

  it('mix where the guard of the claim is not there, so that the tests above prove it', async () => {
    const account = await newAccount('live')
    const id = await newPayment(account)
    const [{ definition } = { definition: '' }] = await sql<{ definition: string }[]>`
      select pg_get_functiondef('accounts_closed_to'::regproc) as definition`
    await sql`
      create or replace function accounts_closed_to(at_gateway text, gateway_mode text, is_new boolean) returns text[]
      stable language plpgsql as $$ begin return '{}'; end $$`
    await pay(id, { gateway: simulated() })
    await sql.unsafe(definition)
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  })

  it('an account that is marked stays what it is', async () => {
    const account = await newAccount('live')
    expect(await accounts.mark(account, 'test')).toBeUndefined()
    await expect(sql`update accounts set mode = null where id = ${account}`).rejects.toThrow(
      'it is a live account',
    )
    await expect(
      credentials.set({ account, gateway: 'simulated', mode: 'test', variables: {} }),
    ).rejects.toThrow('cannot have test ones')
  })
})

describe('a paused account', () => {
  it('is left alone in every state, without a new job for its payments; others go on; a resume finds them all', async () => {
    const gateway = simulated()
    const account = await newAccount()
    const [pending, queued, later] = [
      await newPayment(account),
      await newPayment(account),
      await newPayment(account),
    ]
    const unknown = await newPayment(account)
    await pay(unknown, { gateway: simulated({ successRate: 0, unknownRate: 1 }) })
    await sql`update payments set next_run_at = clock_timestamp() where id = ${unknown}`
    await store.markQueued([queued, later], 'relay')
    await accounts.pause(account)

    for (const id of [pending, queued, unknown]) expect(await pay(id, { gateway })).toBeUndefined()
    expect(gateway.requests).toEqual([])
    // One that was enqueued before its claim was refused is marked after it.
    expect(await store.markQueued([pending], 'relay')).toBeDefined()
    const lost = () => store.takeLost({ limit: 100, queuedAgeMs: 0, processingAgeMs: 0, actor: 'reconciler' })
    // A payment that no worker has met yet is met once.
    expect((await lost()).map(({ paymentId }) => paymentId)).toEqual([later])
    expect(await pay(later, { gateway })).toBeUndefined()
    expect(await lost()).toEqual([])
    const other = await newPayment(await newAccount())
    expect(await pay(other, { gateway })).toBeUndefined()
    expect(await read(store, other)).toMatchObject({ status: 'SUCCESS' })

    expect(await accounts.resume(account)).toMatchObject({ released: 4 })
    const found = (await lost()).map(({ paymentId }) => paymentId)
    expect(found.toSorted()).toEqual([pending, queued, later, unknown].toSorted())
    for (const id of [pending, queued, later, unknown]) {
      await pay(id, { gateway })
      expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
    }
  })

  it('that is resumed while a payment is being held loses none', async () => {
    const account = await newAccount()
    const id = await newPayment(account)
    await accounts.pause(account)
    const resumed = sql.begin(async (transaction) => {
      await transaction`update accounts set paused_at = null where id = ${account}`
      // Meanwhile a worker meets the payment, and does not wait for the account.
      expect(await pay(id, { gateway: simulated() })).toBeUndefined()
    })
    await resumed
    expect(await pay(id, { gateway: simulated() })).toBeUndefined()
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  })
})

describe('credentials of an account', () => {
  /** The gateways of a worker: the program's, and one for each secret that an account may have. */
  async function openGateways() {
    const program = simulated()
    const behind = new Map<string, ReturnType<typeof simulated>>()
    const errors: unknown[] = []
    const gateways = new AccountGateways({
      gateways: gatewaysOf([program]),
      credentials,
      async create(_name, { SECRET: secret = '' }) {
        const made = behind.get(secret) ?? simulated()
        behind.set(secret, made)
        return made
      },
      onError: (error) => errors.push(error),
      intervalMs: 10,
    })
    await gateways.start()
    return { program, behind, errors, gateways }
  }

  const set = (account: string, secret: string, gatewayAccount?: 'same' | 'other') =>
    credentials.set({
      account,
      gateway: 'simulated',
      mode: null,
      variables: { SECRET: secret },
      gatewayAccount,
    })

  it('charge its payments, and those of no other account', async () => {
    const [account, other] = [await newAccount(), await newAccount()]
    const place = await set(account, 'first')
    expect(place).toBe(`simulated@${account}.1`)
    const { program, behind, gateways } = await openGateways()
    const [own, others, none] = [await newPayment(account), await newPayment(other), await newPayment()]
    for (const id of [own, others, none]) expect(await pay(id, { gateways })).toBeUndefined()
    expect(behind.get('first')?.ledger.map(({ paymentId }) => paymentId)).toEqual([own])
    expect(program.ledger.map(({ paymentId }) => paymentId)).toEqual([others, none])
    expect(await read(store, own)).toMatchObject({ gateway: place })
    // Whatever a worker believes, the claim knows better.
    const next = [await newPayment(account), await newPayment(other)]
    expect(await claimAt(next[0] ?? '', 'simulated')).toEqual(skippedFor('other_credentials'))
    expect(await claimAt(next[1] ?? '', place)).toEqual(skippedFor('other_credentials'))
    await gateways.close()
  })

  it('that change are seen by a worker which knew none, without a charge in between', async () => {
    const account = await newAccount()
    const { program, behind, gateways } = await openGateways()
    const id = await newPayment(account)
    await set(account, 'new')
    await expect.poll(async () => (await pay(id, { gateways })) === undefined).toBe(true)
    expect(program.requests).toEqual([])
    expect(behind.get('new')?.ledger.map(({ paymentId }) => paymentId)).toEqual([id])
    await gateways.close()
  })

  it('of another account at the gateway leave alone what began under the first ones', async () => {
    const account = await newAccount()
    const began = await newPayment(account)
    await pay(began, { gateway: simulated() })
    const first = await set(account, 'first')
    const { program, behind, gateways } = await openGateways()
    const [paid, unknown] = [await newPayment(account), await newPayment(account)]
    await pay(paid, { gateways })
    // Its outcome is unknown: the gateway has charged it.
    const firstGateway = gateways.get(first)
    if (firstGateway === undefined) throw new Error('no gateway')
    await store.claim(unknown, { owner: 'w1', leaseMs: 1, gateway: first })

    await expect(set(account, 'second')).rejects.toMatchObject({ code: 'CREDENTIALS_REFUSED' })
    const second = await set(account, 'second', 'other')
    expect(second).toBe(`simulated@${account}.2`)
    await expect.poll(() => gateways.get('simulated', account)?.name).toBe(second)

    const refunds = await Promise.all(
      [began, paid].map(async (paymentId) => {
        const made = await store.createMovement({
          kind: 'refund',
          paymentId,
          idempotencyKey: 'r',
          actor: 'test',
        })
        if (made.kind !== 'created') throw new Error(made.kind)
        return made.movement.id
      }),
    )
    const fresh = await newPayment(account)
    await sql`update payments set lease_until = clock_timestamp() - interval '1 second' where id = ${unknown}`
    for (const id of [...refunds, unknown, fresh]) await pay(id, { gateways })
    const ids = (charges: readonly { readonly paymentId: string }[] = []) =>
      charges.map(({ paymentId }) => paymentId)
    expect(ids(behind.get('first')?.ledger)).toEqual([paid, unknown])
    expect(ids(behind.get('second')?.ledger)).toEqual([fresh])
    expect(ids(program.ledger)).toEqual([])
    expect(behind.get('first')?.moves).toHaveLength(1)
    expect(program.moves).toHaveLength(1)
    // No new attempt begins where none may begin any more.
    expect(await claimAt(await newPayment(account), first)).toEqual(skippedFor('other_credentials'))
    await gateways.close()
  })

  it('of the same account at the gateway go on with what began under the ones before', async () => {
    const account = await newAccount()
    const place = await set(account, 'first')
    const { behind, gateways } = await openGateways()
    const paid = await newPayment(account)
    await pay(paid, { gateways })
    expect(await set(account, 'rotated', 'same')).toBe(place)
    await expect.poll(() => behind.has('rotated')).toBe(true)
    const made = await store.createMovement({
      kind: 'refund',
      paymentId: paid,
      idempotencyKey: 'r',
      actor: 'test',
    })
    if (made.kind !== 'created') throw new Error(made.kind)
    await pay(made.movement.id, { gateways })
    expect(behind.get('rotated')?.moves).toHaveLength(1)
    await gateways.close()
  })

  it('that cannot be read have its payments wait: nothing is sent under those of the program', async () => {
    const account = await newAccount()
    const place = await set(account, 'first')
    await sql`update gateway_credentials set sealed = 'moved' where place = ${place}`
    const { program, errors, gateways } = await openGateways()
    const id = await newPayment(account)
    expect(await pay(id, { gateways })).toMatchObject({ name: 'RetryError' })
    expect(program.requests).toEqual([])
    expect(errors).toHaveLength(1)
    await set(account, 'readable', 'same')
    await expect.poll(async () => (await pay(id, { gateways })) === undefined).toBe(true)
    await gateways.close()
  })

  it('that were ended leave new payments to the program, and keep what began', async () => {
    const account = await newAccount()
    const place = await set(account, 'first')
    const { program, gateways } = await openGateways()
    const paid = await newPayment(account)
    await pay(paid, { gateways })
    expect(await credentials.end(account, 'simulated')).toBe(true)
    expect(await credentials.end(account, 'simulated')).toBe(false)
    await expect.poll(() => gateways.get('simulated', account)?.name).toBe('simulated')
    expect(gateways.get(place)?.name).toBe(place)
    const id = await newPayment(account)
    await pay(id, { gateways })
    expect(program.ledger.map(({ paymentId }) => paymentId)).toEqual([id])
    await gateways.close()
  })

  it('are sealed anew, all of them', async () => {
    const account = await newAccount()
    const place = await set(account, 'kept')
    const before = await credentials.find(place)
    expect(await credentials.reseal()).toBe((await credentials.list()).length)
    const after = await credentials.find(place)
    if (before === undefined || after === undefined) throw new Error('no credentials')
    expect(after.updatedAt.getTime()).toBeGreaterThan(before.updatedAt.getTime())
    expect(credentials.open(after)).toEqual({ SECRET: 'kept' })
    expect(JSON.stringify(await credentials.list())).not.toContain('kept')
  })
})
