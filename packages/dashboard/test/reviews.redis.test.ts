import { afterAll, beforeEach, expect, inject, test } from 'vitest'
import { createAudited, isRefusal } from '../src/audit.ts'
import { formTokenOf, openRig, post, signIn } from './support/rig.ts'
import { mischarge, park } from './support/traffic.ts'

const rig = await openRig({
  databaseUrl: inject('databaseUrl'),
  redisUrl: inject('redisUrl'),
  gateways: { get: (name) => ({ name, lookup: async () => ({ type: 'NOT_FOUND' }) }) },
})
afterAll(() => rig.close())

let cookie = ''
let token = ''

beforeEach(async () => {
  cookie = await signIn(rig)
  token = await formTokenOf(rig, cookie)
})

async function act(path: string, fields: Readonly<Record<string, string>> = {}): Promise<Response> {
  return post(rig, path, { form_token: token, ...fields }, { cookie })
}

async function lastOutcome(): Promise<string | null | undefined> {
  const [row] = await rig.sql<{ outcome: string | null }[]>`
    select outcome from operator_actions order by id desc limit 1`
  return row?.outcome
}

const note = 'ticket 4711, the report of May'

// F146 a payment is parked for a mischarge: the review shows why, and the booked amount next to the charged
//  one
test('a review shows the booked amount next to the charged one, and begins with the known charge', async () => {
  const { id, charge } = await mischarge(rig, 'mischarged-shown')
  const page = await rig.page(`/payments/${id}`, cookie)
  expect(page).toContain('Another amount was charged')
  expect(page).toMatch(/5\.00 USD[^]*5\.01 USD/)
  expect(page).toContain(`name="gateway_ref" value="${charge}"`)
  expect(page).toMatch(/value="FAILED" required disabled/)
  expect(page).toMatch(/value="RETRY" required disabled/)
  const reviews = await rig.page('/reviews', cookie)
  expect(reviews).toContain(`Another amount was charged: ${charge}`)
  expect(reviews).toContain('the gateway charged something else than what was asked')
  expect(reviews).toContain('5.01 USD')
})

// F144
test('no decision in the dashboard contradicts a charge on record; its refund is one', async () => {
  const { id, charge } = await mischarge(rig, 'mischarged-decided')
  const path = `/payments/${id}/resolve`
  for (const fields of [
    { to: 'FAILED' },
    { to: 'RETRY' },
    { to: 'SUCCESS', gateway_ref: charge },
    { to: 'SUCCESS', gateway_ref: 'totally-bogus' },
    { to: 'SUCCESS', gateway_ref: 'totally-bogus', confirmed_ref: 'totally-other' },
    { to: 'REFUND', gateway_ref: 'totally-bogus', refund_ref: 're_1' },
  ])
    expect((await act(path, { ...fields, note })).status, JSON.stringify(fields)).toBe(409)
  expect((await act(path, { to: 'REFUND', gateway_ref: charge, refund_ref: '', note })).status).toBe(422)
  expect(await rig.store.get(id)).toMatchObject({ status: 'PROCESSING', needsReview: true })
  const refund = { to: 'REFUND', gateway_ref: charge, refund_ref: 're_1', note }
  expect((await act(path, refund)).status).toBe(303)
  expect(await rig.store.get(id)).toMatchObject({ status: 'FAILED', failureCode: 'refunded' })
  expect((await act(path, refund)).status).toBe(303)
  expect(await rig.page(`/payments/${id}`, cookie)).toContain('refunded by re_1')
})

// F145
test('another charge than the known one is asked for twice', async () => {
  const { id } = await mischarge(rig, 'mischarged-confirmed')
  const named = { to: 'SUCCESS', gateway_ref: 'pi_right', note }
  const path = `/payments/${id}/resolve`
  expect(await rig.page(`/payments/${id}`, cookie)).toContain('name="confirmed_ref"')
  expect((await act(path, named)).status).toBe(409)
  expect((await act(path, { ...named, confirmed_ref: 'pi_right' })).status).toBe(303)
  expect(await rig.store.get(id)).toMatchObject({ status: 'SUCCESS', gatewayRef: 'pi_right' })
})

// F149
test('an open attempt is looked up from its page, on record', async () => {
  const { id } = await park(rig, 'looked-up')
  expect(await rig.page(`/payments/${id}`, cookie)).toContain('Look up')
  expect((await act(`/payments/${id}/look-up`)).status).toBe(409)
  expect(await lastOutcome()).toMatch(/ask again an hour after that$/)
  // An hour later: events cannot be changed while the triggers are in force.
  await rig.sql.begin(async (sql) => {
    await sql`set local session_replication_role = replica`
    await sql`update payment_event_rows set at = at - interval '61 minutes' where payment_id = ${id}`
    await sql`update payments set claimed_at = claimed_at - interval '61 minutes' where id = ${id}`
  })
  expect((await act(`/payments/${id}/look-up`)).status).toBe(303)
  expect(await rig.store.get(id)).toMatchObject({ isLookedUp: true, needsReview: true })
  expect(await lastOutcome()).toBe('not_found: the gateway does not know the attempt')
  expect(await rig.page(`/payments/${id}`, cookie)).toContain('does not know the open attempt')
  expect((await act('/payments/pay_none/look-up')).status).toBe(409)
})

test.each([
  [
    'a connection that was reset',
    Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
    'unknown',
  ],
  ['no answer in time', new Error('no answer within 5000 ms'), 'unknown'],
  [
    'a server that shuts down',
    Object.assign(new Error('x'), { name: 'PostgresError', code: '57P01' }),
    'unknown',
  ],
  ['a constraint', Object.assign(new Error('x'), { name: 'PostgresError', code: '23514' }), 'failed'],
  ['a refusal', Object.assign(new Error('x'), { name: 'Refusal' }), 'failed'],
  // F151
])('the record of an act that ended with %s says whether it may be done', async (_name, error, word) => {
  const audited = createAudited(rig.sql)
  const actor = { operator: 'Ada', credential: 'test', isProven: false }
  const perform = (): Promise<string> => Promise.reject(error)
  await expect(audited({ ...actor, action: 'test', target: 't', note: '' }, perform)).rejects.toBe(error)
  expect(await lastOutcome()).toMatch(new RegExp(`^${word}: `))
})

// F151
test('an act that was done and whose outcome cannot be recorded does not count as refused', async () => {
  const audited = createAudited(rig.sql)
  const act = { operator: 'Ada', credential: 'test', isProven: false, action: 'test', target: 't', note: '' }
  const perform = async (): Promise<string> => {
    await rig.sql`alter table operator_actions rename to operator_actions_away`
    return 'done'
  }
  try {
    const failure: unknown = await audited(act, perform).catch((error: unknown) => error)
    expect(failure).toMatchObject({ cause: { name: 'PostgresError' } })
    expect(isRefusal(failure)).toBe(false)
  } finally {
    await rig.sql`alter table operator_actions_away rename to operator_actions`
  }
  expect(await lastOutcome()).toBe(null)
})
