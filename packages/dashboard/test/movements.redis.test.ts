import { eventually } from '@titan/testkit'
import { createPaymentHandler, createSimulatedGateway } from '@titan/payments'
import { afterAll, beforeEach, expect, inject, test } from 'vitest'
import { DASHBOARD_PATH } from '../src/index.ts'
import { formTokenOf, openRig, post, signIn } from './support/rig.ts'
import { authorize, finish, park, succeed } from './support/movements.ts'
import { mischarge } from './support/traffic.ts'

const rig = await openRig({ databaseUrl: inject('databaseUrl'), redisUrl: inject('redisUrl') })
afterAll(() => rig.close())

let cookie = ''
let token = ''

beforeEach(async () => {
  cookie = await signIn(rig)
  token = await formTokenOf(rig, cookie)
})

/** Submits the form of an act with the key that the page has. */
async function act(
  id: string,
  verb: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const page = await rig.page(`/payments/${id}`, cookie)
  const form = page.slice(page.indexOf(`action="${DASHBOARD_PATH}/payments/${id}/${verb}"`))
  const key = /name="key" value="([\w-]+)"/.exec(form)?.[1] ?? ''
  return post(rig, `/payments/${id}/${verb}`, { form_token: token, key, ...fields }, { cookie })
}

async function lastAct() {
  const [row] = await rig.sql<{ action: string; target: string; outcome: string; operator: string }[]>`
    select operator, action, target, outcome from operator_actions order by id desc limit 1`
  return row
}

test('an operator refunds a part in major units, then the rest; both are recorded', async () => {
  const { id } = await succeed(rig, 'to-refund', 1_250)
  expect(await rig.page(`/payments/${id}`, cookie)).toContain('12.50 USD left to refund')
  expect((await act(id, 'refund', { amount: '2.5', reason: 'broken' })).status).toBe(303)

  const [refund] = await rig.store.movements(id)
  expect(refund).toMatchObject({
    kind: 'refund',
    amount: 250,
    status: 'PENDING',
    idempotencyKey: 'dashboard-1',
  })
  expect(await rig.store.events(refund?.id ?? '')).toMatchObject([{ actor: 'operator:Ada' }])
  expect(await lastAct()).toEqual({
    operator: 'Ada',
    action: 'payment.refund',
    target: id,
    outcome: `${refund?.id}: 2.50 USD accepted`,
  })
  const page = await rig.page(`/payments/${id}`, cookie)
  expect(page).toContain('10.00 USD left to refund')
  expect(page).toContain('2.50 USD in progress')

  expect((await act(id, 'refund', { amount: '' })).status).toBe(303)
  expect((await rig.store.movements(id)).map(({ amount }) => amount)).toEqual([250, 1_000])
  expect(await rig.page(`/payments/${id}`, cookie)).not.toContain('left to refund')
  expect((await act(id, 'refund', { key: 'dashboard-9' })).status).toBe(409)
  expect((await lastAct())?.outcome).toBe('failed: At most 0 minor units are left')
})

test('a form that is submitted twice, or by two operators, is one refund', async () => {
  const { id } = await succeed(rig, 'twice', 1_000)
  const fields = { form_token: token, key: 'dashboard-1', amount: '1' }
  const both = [1, 2].map(() => post(rig, `/payments/${id}/refund`, fields, { cookie }))
  for (const answer of await Promise.all(both)) expect(answer.status).toBe(303)
  expect(await rig.store.movements(id)).toHaveLength(1)
  const other = await post(rig, `/payments/${id}/refund`, { ...fields, amount: '2' }, { cookie })
  expect(other.status).toBe(409)
  expect(await other.text()).toContain('The payment has changed since this page was loaded')
  expect(await rig.store.movements(id)).toHaveLength(1)
})

test.each(['1,50', '0', '1.005', '-1', 'all'])(
  'an amount of %j is refused, and nothing moves',
  async (amount) => {
    const { id } = await succeed(rig, `amount ${amount}`.replaceAll(' ', '-'), 1_000)
    const answer = await act(id, 'refund', { amount })
    expect(answer.status).toBe(422)
    expect(await answer.text()).toContain('write it with a point, such as 12.50')
    expect(await rig.store.movements(id)).toEqual([])
  },
)

test('only an admin with the token of the form moves money', async () => {
  const { id } = await succeed(rig, 'guarded', 1_000)
  const path = `/payments/${id}/refund`
  const fields = { key: 'dashboard-1', amount: '1' }
  expect((await post(rig, path, fields, { cookie })).status).toBe(403)
  expect((await post(rig, path, { ...fields, form_token: token })).status).toBe(403)
  const foreign = { cookie, origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' }
  expect((await post(rig, path, { ...fields, form_token: token }, foreign)).status).toBe(403)
  expect((await post(rig, path, { form_token: token, amount: '1' }, { cookie })).status).toBe(422)
  expect(await rig.store.movements(id)).toEqual([])
  expect(await rig.page(`/payments/${id}`)).not.toContain('left to refund')
})

test('an authorized payment is captured in part, or released, once', async () => {
  const one = await authorize(rig, 'to-capture')
  const page = await rig.page(`/payments/${one.id}`, cookie)
  expect(page).toContain('Authorized until')
  expect(page).toMatch(/5\.00 USD are reserved until/)
  expect((await act(one.id, 'capture', { amount: '3' })).status).toBe(303)
  expect(await rig.store.movements(one.id)).toMatchObject([{ kind: 'capture', amount: 300 }])
  const after = await rig.page(`/payments/${one.id}`, cookie)
  expect(after).not.toContain('are reserved')
  const late = await act(one.id, 'void', { key: 'dashboard-1' })
  expect(late.status).toBe(409)
  expect(await late.text()).toContain('refund it instead')

  const other = await authorize(rig, 'to-release')
  expect((await act(other.id, 'void')).status).toBe(303)
  const [released] = await rig.store.movements(other.id)
  expect(released).toMatchObject({ kind: 'void', amount: 500 })
  await finish(rig, released?.id ?? '', 'SUCCESS')
  expect(await rig.page(`/payments/${other.id}`, cookie)).toContain('voided (canceled)')
})

test('a movement has a page with its history, and leads to its payment', async () => {
  const { id } = await succeed(rig, 'shown', 1_000)
  await act(id, 'refund', { amount: '4', reason: 'a <b>bold</b> reason' })
  const [refund] = await rig.store.movements(id)
  const page = await rig.page(`/payments/${refund?.id}`, cookie)
  expect(page).toContain('Refund of 4.00 USD')
  expect(page).toContain(`href="${DASHBOARD_PATH}/payments/${id}"`)
  expect(page).toContain('refund.created')
  expect(page).not.toContain('<b>bold</b>')
  expect(page).not.toContain('left to refund')
  const found = await rig.request(`/payments?q=${refund?.id}`, { headers: { cookie } })
  expect(found.headers.get('location')).toBe(`${DASHBOARD_PATH}/payments/${refund?.id}`)
})

test('a charge that contradicts its payment is refunded from its page, once', async () => {
  const { id, charge } = await mischarge(rig, 'charge-to-refund')
  const visitor = await rig.page(`/payments/${id}`)
  expect(visitor).not.toContain('Refund this charge')
  expect(await rig.page(`/payments/${id}`, cookie)).toContain(`5.01 USD of charge ${charge} go back`)
  const both = [1, 2].map(() => act(id, 'refund-charge', { charge }))
  for (const answer of await Promise.all(both)) expect(answer.status).toBe(303)
  const refunds = await rig.store.movements(id)
  expect(refunds).toMatchObject([{ kind: 'refund', amount: 501, status: 'PENDING' }])
  expect(await rig.store.events(refunds[0]?.id ?? '')).toMatchObject([{ actor: 'operator:Ada' }])
  const rows = await rig.sql<{ operator: string; outcome: string }[]>`
    select operator, outcome from operator_actions
     where action = 'payment.refund' and target = ${`${id} charge ${charge}`} order by outcome`
  const accepted = { operator: 'Ada', outcome: `${refunds[0]?.id}: 5.01 USD accepted` }
  expect(rows).toEqual([accepted, { operator: 'Ada', outcome: `${accepted.outcome} before` }])

  const again = await act(id, 'refund-charge', { charge, key: 'dashboard-2' })
  expect(again.status).toBe(409)
  expect(await again.text()).toContain('The refund of this charge is in progress')
  const unknown = await act(id, 'refund-charge', { charge: 'ch_none', key: 'dashboard-3' })
  expect(unknown.status).toBe(409)
  expect(await unknown.text()).toContain('No open contradiction with the charge ch_none is on record')
  expect(await rig.store.movements(id)).toHaveLength(1)

  await finish(rig, refunds[0]?.id ?? '', 'SUCCESS')
  const page = await eventually(async () => {
    const text = await rig.page(`/payments/${id}`, cookie)
    expect(text).toContain(`refunded by at_gateway_${refunds[0]?.id}`)
    return text
  })
  expect(page).not.toContain('Refund this charge')
  expect(await rig.store.get(id)).toMatchObject({ status: 'FAILED', openCharges: 0 })
})

test('refunds are listed, by status and by payment', async () => {
  const { id } = await succeed(rig, 'listed', 1_000)
  await act(id, 'refund', { amount: '1' })
  await act(id, 'refund', { amount: '2' })
  const [first, second] = await rig.store.movements(id)
  await finish(rig, first?.id ?? '', 'FAILED')
  const all = await rig.page(`/refunds?payment=${id}`, cookie)
  for (const one of [first, second]) expect(all).toContain(`id="row-${one?.id}"`)
  const failed = await rig.page(`/refunds?payment=${id}&status=FAILED`, cookie)
  expect(failed).toContain(`id="row-${first?.id}"`)
  expect(failed).not.toContain(`id="row-${second?.id}"`)
  expect(await rig.page(`/refunds?payment=pay_${'0'.repeat(32)}`, cookie)).toContain('No refund matches')
  expect((await rig.request('/refunds?payment=x')).status).toBe(400)
})

test('a refund in review is decided on its page', async () => {
  const { id } = await succeed(rig, 'reviewed', 1_000)
  await act(id, 'refund', { amount: '4' })
  const [refund] = await rig.store.movements(id)
  await park(rig, refund?.id ?? '')
  expect(await rig.page('/reviews', cookie)).toContain(`id="row-${refund?.id}"`)
  const page = await rig.page(`/payments/${refund?.id}`, cookie)
  expect(page).toContain('It refunded')
  expect(page).not.toContain('value="REFUND"')

  const decision = { form_token: token, to: 'SUCCESS', gateway_ref: 're_1', note: 'ticket 4711, seen there' }
  expect((await post(rig, `/payments/${refund?.id}/resolve`, decision, { cookie })).status).toBe(303)
  expect(await rig.store.movement(refund?.id ?? '')).toMatchObject({ status: 'SUCCESS', gatewayRef: 're_1' })
  expect(await rig.store.get(id)).toMatchObject({ status: 'SUCCESS', amountRefunded: 400 })
})

test('a refund of another amount is decided with what undid it, under the operator’s name', async () => {
  const payment = await succeed(rig, 'misrefunded', 1_000)
  const asked = { kind: 'refund', paymentId: payment.id, amount: 200, idempotencyKey: 'k' } as const
  const answer = await rig.store.createMovement(asked)
  const id = 'movement' in answer ? answer.movement.id : ''
  const gateway = createSimulatedGateway({ delayMs: 0, moveScript: () => 'wrong_amount' })
  const pay = createPaymentHandler({ store: rig.store, gateway })
  await pay({ id, data: { payment_id: id } }, { signal: new AbortController().signal }).catch(() => undefined)
  const reference = (await rig.store.breaks(id))[0]?.reference ?? ''
  const page = await rig.page(`/payments/${id}`, cookie)
  expect(page).toMatch(/value="REFUND" required[^d]*It refunded, and the refund was undone/)
  const decision = {
    to: 'REFUND',
    gateway_ref: reference,
    refund_ref: 'undone_1',
    note: 'ticket 4711, their report',
  }
  const decided = await post(rig, `/payments/${id}/resolve`, { form_token: token, ...decision }, { cookie })
  expect(decided.status).toBe(303)
  expect(await rig.store.movement(id)).toMatchObject({ status: 'FAILED', failureCode: 'refunded' })
  expect(await lastAct()).toEqual({
    operator: 'Ada',
    action: 'payment.resolve',
    target: id,
    outcome: `refund undone_1 of charge ${reference}: failed`,
  })
})

test('a contradiction of a payment or movement that is over is closed with evidence', async () => {
  const { id: paymentId } = await succeed(rig, 'closed', 1_000)
  const answer = await rig.store.createMovement({ kind: 'refund', paymentId, idempotencyKey: 'k' })
  const refundId = 'movement' in answer ? answer.movement.id : ''
  await finish(rig, refundId, 'SUCCESS')
  for (const id of [paymentId, refundId]) {
    const reference = `strange_${id}`
    const found = {
      kind: 'missing_here',
      paymentId: id,
      gateway: 'simulated',
      reference,
      detail: {},
    } as const
    await rig.store.recordBreak(found)
    expect(await rig.page(`/payments/${id}`, cookie)).toContain('Close this contradiction')
    const evidence = {
      to: 'REFUND',
      gateway_ref: reference,
      refund_ref: 're_1',
      note: 'ticket 4711, their report',
    }
    const closed = await post(rig, `/payments/${id}/resolve`, { form_token: token, ...evidence }, { cookie })
    expect(closed.status).toBe(303)
    expect(await rig.store.breaks(id)).toMatchObject([{ refundRef: 're_1', resolvedBy: 'operator:Ada' }])
    expect((await lastAct())?.outcome).toBe(`refund re_1 of charge ${reference}: closed`)
    expect(await rig.page(`/payments/${id}`, cookie)).not.toContain('Close this contradiction')
  }
})

test('an answer that is lost does not invite to repeat', async () => {
  const { id } = await succeed(rig, 'lost', 1_000)
  await rig.sql`
    create function lose() returns trigger language plpgsql as $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`
  await rig.sql`create trigger lose before insert on payments for each row execute function lose()`
  const answer = await act(id, 'refund', { amount: '1' })
  await rig.sql`drop trigger lose on payments`
  expect(answer.status).toBe(503)
  const text = await answer.text()
  expect(text).toContain('Do not repeat the action before')
  expect(text).not.toContain('repeating the action is safe')
})
