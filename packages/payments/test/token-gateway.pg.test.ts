import { createMigratedDatabase } from '@titan/testkit/vitest'
import { afterEach, expect, test } from 'vitest'
import {
  AcceptanceRules,
  createPaymentStore,
  createSimulatedGateway,
  gatewaysOf,
  replaceRoutes,
  type ChargeOutcome,
  type NewPayment,
} from '../src/index.ts'
import { createPay } from './support/pay.ts'
import { makeDue, newKey, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

afterEach(() => replaceRoutes(sql, []))

const PLAIN = { amount: 500, paymentMethod: 'pm_1' }

/** Accepts a payment as a program does whose gateways these are. */
async function accept(names: readonly string[], request: Omit<NewPayment, 'idempotencyKey'> = PLAIN) {
  const acceptance = new AcceptanceRules(
    names.map((name) => ({ name, hasDefaultMethod: true })),
    store.routes,
  )
  await acceptance.refresh()
  const payment = { ...request, idempotencyKey: newKey() }
  const { tokenGateway } = acceptance.judge(payment)
  const answer = await store.create({ ...payment, tokenGateway })
  if (answer.kind !== 'created') throw new Error(answer.kind)
  return { id: answer.payment.id, payment }
}

function named(name: string, ...answers: ChargeOutcome[]) {
  const gateway = createSimulatedGateway({ name, delayMs: 0 })
  const charge: typeof gateway.charge = async (request, options) =>
    answers.shift() ?? gateway.charge(request, options)
  return { ...gateway, charge }
}

async function attemptsOf(id: string) {
  return (await store.attempts(id)).map(({ gateway, outcome }) => `${gateway} ${outcome}`)
}

test('a plain token stays with its gateway when the order changes, or a rule says another one', async () => {
  const [adyen, stripe] = [named('adyen'), named('stripe')]
  const gateways = gatewaysOf([adyen, stripe])
  const reordered = await accept(['stripe'])
  expect(await pay(reordered.id, { gateways })).toBeUndefined()
  const ruled = await accept(['stripe', 'adyen'])
  await replaceRoutes(sql, [{ gateways: ['adyen'] }])
  expect(await pay(ruled.id, { gateways })).toBeUndefined()
  expect(await attemptsOf(reordered.id)).toEqual(['stripe SUCCEEDED'])
  expect(await attemptsOf(ruled.id)).toEqual(['stripe SUCCEEDED'])
  expect(stripe.requests).toMatchObject([{ paymentMethod: 'pm_1' }, { paymentMethod: 'pm_1' }])
  // A rule that holds at the acceptance decides.
  expect(await pay((await accept(['stripe', 'adyen'])).id, { gateways })).toBeUndefined()
  expect(adyen.requests).toHaveLength(1)
})

test.each([1, 2])('it waits for its gateway when a program with %i others meets it', async (others) => {
  const { id } = await accept(['stripe'])
  const gateways = ['adyen', 'acme'].slice(0, others).map((name) => named(name))
  const deferred: string[] = []
  const error = await pay(id, {
    gateways: gatewaysOf(gateways),
    onEvent: (event) => void ('reason' in event && deferred.push(event.reason)),
  })
  expect(error).toMatchObject({ name: 'RetryError', countsAsAttempt: false })
  expect(deferred).toEqual(['other_gateway'])
  expect(await read(store, id)).toMatchObject({ status: 'PENDING', attemptNo: 0 })
  expect(await pay(id, { gateway: named('stripe') })).toBeUndefined()
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gateway: 'stripe' })
})

test('no failover and no repeat leads it elsewhere', async () => {
  const { id } = await accept(['stripe', 'adyen'])
  const unsent: ChargeOutcome = { type: 'NOT_SENT', reason: 'ECONNREFUSED' }
  const soft: ChargeOutcome = { type: 'DECLINED', code: 'do_not_honor', kind: 'soft' }
  const [adyen, stripe] = [named('adyen'), named('stripe', unsent, soft)]
  for (const names of [[stripe, adyen], [adyen, stripe], [adyen], [adyen, stripe]]) {
    await makeDue(sql, id)
    await pay(id, { gateways: gatewaysOf(names), policy: { retrySoftDeclines: true } })
  }
  expect(await attemptsOf(id)).toEqual(['stripe DECLINED', 'stripe SUCCEEDED'])
  expect(adyen.requests).toEqual([])
})

test('neither does a customer without a name of a gateway; tokens by name do', async () => {
  const stripe = named('stripe')
  const { id } = await accept(['stripe', 'adyen'], {
    ...PLAIN,
    paymentMethod: { adyen: 'tok_1', stripe: 'pm_1' },
    customer: 'cus_1',
  })
  await pay(id, { gateways: gatewaysOf([named('adyen'), stripe]) })
  expect(stripe.requests).toMatchObject([{ customer: 'cus_1' }])
  const free = await accept(['stripe', 'adyen'], {
    ...PLAIN,
    paymentMethod: { adyen: 'tok_1', stripe: 'pm_1' },
  })
  await pay(free.id, { gateways: gatewaysOf([named('adyen'), stripe]) })
  expect(await attemptsOf(free.id)).toEqual(['adyen SUCCEEDED'])
})

test.each([1, 2])(
  'a next gateway that a program of the version before chose is put right: %i here',
  async (here) => {
    const request = { paymentMethod: { adyen: 'tok_1', stripe: 'pm_1' }, customer: 'cus_1' }
    const { id } = await accept(['stripe', 'adyen'], { ...PLAIN, ...request })
    const stripe = named('stripe', { type: 'DECLINED', code: 'do_not_honor', kind: 'soft' })
    const adyen = named('adyen')
    const gateways = gatewaysOf([adyen, stripe].slice(-here))
    await pay(id, { gateway: stripe, policy: { retrySoftDeclines: true } })
    await sql`update payments set next_gateway = 'adyen' where id = ${id}`
    for (let round = 0; round < 2; round++) {
      await makeDue(sql, id)
      await pay(id, { gateways })
    }
    expect(await attemptsOf(id)).toEqual(['stripe DECLINED', 'stripe SUCCEEDED'])
    expect(adyen.requests).toEqual([])
  },
)

test('a repeat of the request is a replay wherever its token would belong by now', async () => {
  const { payment } = await accept(['stripe'])
  expect(await store.create({ ...payment, tokenGateway: 'adyen' })).toMatchObject({
    kind: 'replayed',
    payment: { details: { paymentMethod: 'pm_1' } },
  })
  expect(await store.create({ ...payment, paymentMethod: 'pm_2' })).toEqual({ kind: 'mismatch' })
})

test('the database lets no program claim it at another gateway, nor change whose it is', async () => {
  const { id } = await accept(['stripe'])
  const claim = sql`
    update payments set status = 'PROCESSING', fence = 1, claimed_fence = 1, attempt_no = 1, attempt_open = true, gateway = 'adyen',
           lease_owner = 'w', lease_until = now() + interval '1 minute', first_sent_at = now(), sends = 1, queued_at = now(),
           queued_by = 'w', claimed_at = now(), claimed_by = 'w', event_seq = 3
     where id = ${id}`
  await expect(claim).rejects.toMatchObject({ constraint_name: 'payments_attempt_at_token_gateway' })
  await expect(sql`update payments set token_gateway = 'adyen' where id = ${id}`).rejects.toMatchObject({
    constraint_name: 'payments_request_is_frozen',
  })
})

test('what is not known binds nothing: gateways of the workers, and rules that were not read', async () => {
  const unread = new AcceptanceRules(
    ['stripe', 'adyen'].map((name) => ({ name, hasDefaultMethod: true })),
    () => Promise.reject(new Error('down')),
  )
  const errors: unknown[] = []
  await unread.start((error) => errors.push(error))
  expect(unread.judge({ ...PLAIN, idempotencyKey: newKey() })).toEqual({
    tokenGateway: undefined,
    lacks: undefined,
  })
  await unread.stop()
  expect(errors).toHaveLength(1)
})

test('a payment that begins at a gateway which needs a payment method needs one, whatever the next gateway takes', () => {
  const gateways = [
    { name: 'stripe', hasDefaultMethod: false },
    { name: 'adyen', hasDefaultMethod: true },
  ]
  const customer = 'cus_1'
  const judge = (more: Partial<NewPayment>, of = gateways) => {
    const acceptance = new AcceptanceRules(of, async () => [])
    return acceptance
      .refresh()
      .then(() => acceptance.judge({ amount: 500, idempotencyKey: newKey(), ...more }))
  }
  return Promise.all([
    expect(judge({ customer })).resolves.toEqual({ tokenGateway: undefined, lacks: 'payment_method' }),
    expect(judge({ customer }, gateways.toReversed())).resolves.toMatchObject({ tokenGateway: 'adyen' }),
    expect(judge({})).resolves.toMatchObject({ lacks: 'payment_method' }),
    expect(judge({}, gateways.toReversed())).resolves.toMatchObject({ lacks: undefined }),
    expect(judge({ customer, paymentMethod: 'pm_1' })).resolves.toMatchObject({ tokenGateway: 'stripe' }),
  ])
})

test('the payments of an account go to the gateways of its mode, whatever comes first', async () => {
  await sql`insert into accounts (id, name, mode) values ('live', 'Live', 'live')`
  const create = async () => {
    const answer = await store.create({ amount: 500, idempotencyKey: newKey(), account: 'live' })
    return 'payment' in answer ? answer.payment.id : ''
  }
  const first = named('first')
  const second = createSimulatedGateway({ name: 'second', delayMs: 0, mode: 'live' })
  const id = await create()
  expect(await pay(id, { gateways: gatewaysOf([first, second]) })).toBeUndefined()
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gateway: 'second' })
  const skipped: string[] = []
  await pay(await create(), {
    gateways: gatewaysOf([first, named('third')]),
    onEvent: (event) => event.type === 'skipped' && skipped.push(event.reason),
  })
  expect(skipped).toEqual(['other_mode'])
  expect(first.requests).toEqual([])
})
