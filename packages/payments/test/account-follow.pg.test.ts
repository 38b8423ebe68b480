import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import { createAccountStore, createPaymentStore, createSimulatedGateway, gatewaysOf } from '../src/index.ts'
import { expirePayments } from '../src/flow/expiry.ts'
import { AccountGateways } from '../src/gateways/account-gateways.ts'
import { CredentialStore } from '../src/store/accounts/credentials.ts'
import { createPay } from './support/pay.ts'
import { newKey, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)
const credentials = new CredentialStore(sql, {
  seal: (text) => Buffer.from(text),
  open: (sealed) => Buffer.from(sealed).toString(),
})
await createAccountStore(sql).create({ id: 'acme', name: 'Acme', mode: null })

const second = createSimulatedGateway({ delayMs: 0 })

function set(secret: string, gatewayAccount?: 'other') {
  const variables = { SECRET: secret }
  return credentials.set({ account: 'acme', gateway: 'simulated', mode: null, variables, gatewayAccount })
}

async function newPayment(): Promise<string> {
  const answer = await store.create({ account: 'acme', amount: 500, idempotencyKey: newKey() })
  if (answer.kind !== 'created') throw new Error(answer.kind)
  return answer.payment.id
}

/** `unusable`: the secret of credentials that make no gateway. */
async function openGateways(unusable?: string) {
  const gateways = new AccountGateways({
    gateways: gatewaysOf([createSimulatedGateway({ delayMs: 0 })]),
    credentials,
    create: async (_name, { SECRET }) => {
      if (SECRET === unusable) throw new Error('unusable')
      return SECRET === 'second' ? second : createSimulatedGateway({ delayMs: 0 })
    },
    onError: (error) => {
      if (unusable === undefined) throw error
    },
    intervalMs: 10,
  })
  await gateways.start()
  return gateways
}

/** Our own key was refused, so the attempt is closed and another one follows. */
const REFUSED = { type: 'REJECTED', code: 'bad_key', reason: 'no', fault: 'config', isReplay: false } as const

test('credentials that follow others take what has no open attempt at them: repeats, the next gateway of a route, and what expires', async () => {
  const [repeated, expired] = [await newPayment(), await newPayment()]
  const moved = await newPayment()
  await set('first')
  const gateways = await openGateways()
  const first = gateways.get('simulated', 'acme')
  if (first === undefined) throw new Error('no gateway')
  const refusing = { ...first, charge: async () => REFUSED }
  for (const id of [repeated, expired, moved]) await pay(id, { gateway: refusing })
  expect(await read(store, repeated)).toMatchObject({ status: 'QUEUED', attemptOpen: false })
  await sql`update payments set next_gateway = ${first.name} where id = ${moved}`
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`
    await transaction`update payments set expires_at = clock_timestamp() where id = ${expired}`
  })
  const place = await set('second', 'other')
  await expect.poll(() => gateways.get('simulated', 'acme')?.name).toBe(place)
  await sql`update payments set next_run_at = clock_timestamp() where id in ${sql([repeated, expired, moved])}`
  const expire = () => expirePayments({ store, limit: 100, actor: 'test', onEvent: () => {} })
  expect(await expire()).toBe(1)
  expect(await read(store, expired)).toMatchObject({ status: 'FAILED', failureCode: 'expired' })
  expect(await pay(repeated, { gateways })).toBeUndefined()
  // Its next gateway is the account's of that name, wherever that is by then.
  expect(await pay(moved, { gateways })).toMatchObject({ name: 'RetryError' })
  expect(await pay(moved, { gateways })).toBeUndefined()
  expect(second.ledger.map(({ paymentId }) => paymentId)).toEqual([repeated, moved])
  await gateways.close()
})

test('a next gateway whose ended credentials are unusable holds neither a payment nor its end', async () => {
  const [paid, expired] = [await newPayment(), await newPayment()]
  const place = await set('third', 'other')
  const gateways = await openGateways()
  const third = gateways.get('simulated', 'acme')
  if (third === undefined) throw new Error('no gateway')
  for (const id of [paid, expired]) await pay(id, { gateway: { ...third, charge: async () => REFUSED } })
  await gateways.close()
  const ids = [paid, expired]
  await sql`update payments set next_gateway = ${place}, next_run_at = clock_timestamp() where id in ${sql(ids)}`
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`
    await transaction`update payments set expires_at = clock_timestamp() where id = ${expired}`
  })
  await set('second', 'other')
  const later = await openGateways('third')
  const expire = () => expirePayments({ store, limit: 100, actor: 'test', onEvent: () => {} })
  for (let round = 0; round < 2; round++) {
    await expire()
    await pay(paid, { gateways: later })
  }
  expect(await read(store, expired)).toMatchObject({ status: 'FAILED', failureCode: 'expired' })
  expect(await read(store, paid)).toMatchObject({ status: 'SUCCESS' })
  expect(second.ledger.map(({ paymentId }) => paymentId)).toContain(paid)
  await later.close()
})
