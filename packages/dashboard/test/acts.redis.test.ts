import { eventually } from '@titan/testkit'
import { afterAll, beforeEach, expect, inject, test } from 'vitest'
import { DASHBOARD_PATH } from '../src/index.ts'
import { formTokenOf, openRig, post, signIn } from './support/rig.ts'
import { accept, bury, park } from './support/traffic.ts'

const rig = await openRig({ databaseUrl: inject('databaseUrl'), redisUrl: inject('redisUrl') })
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

interface Recorded {
  readonly operator: string
  readonly action: string
  readonly target: string
  readonly note: string
  readonly outcome: string | null
}

async function lastAct(): Promise<Recorded | undefined> {
  const [row] = await rig.sql<Recorded[]>`
    select operator, action, target, note, outcome from operator_actions order by id desc limit 1`
  return row
}

test('a pause stops the queue and a resume starts it, both on record', async () => {
  await act('/queues/payments/pause')
  expect((await rig.queue.stats()).paused).toBe(true)
  expect(await lastAct()).toMatchObject({
    operator: 'Ada',
    action: 'queue.pause',
    target: 'payments',
    outcome: 'paused',
  })
  expect(await rig.page('/', cookie)).toContain('is paused')

  await act('/queues/payments/resume')
  expect((await rig.queue.stats()).paused).toBe(false)
  expect(await lastAct()).toMatchObject({ action: 'queue.resume', outcome: 'resumed' })
  expect(await rig.page('/audit', cookie)).toContain('queue.resume')
})

test('a redriven letter is a job again', async () => {
  const payment = await accept(rig, 'redriven')
  await bury(rig, [{ paymentId: payment.id, error: 'boom' }])
  const [letter] = await rig.queue.deadLetters()

  const answer = await act(`/dead-letters/payments/${letter?.letterId}/redrive`)
  expect(answer.status).toBe(303)
  expect(await rig.queue.deadLetters()).toEqual([])
  expect((await rig.queue.stats()).ready).toBe(1)
  expect(await lastAct()).toMatchObject({
    action: 'dead-letter.redrive',
    target: `payments ${letter?.letterId}`,
    outcome: 'redriven',
  })
  // A second press, as of a stale page, does nothing and says so.
  await act(`/dead-letters/payments/${letter?.letterId}/redrive`)
  expect((await lastAct())?.outcome).toContain('skipped')
  await rig.queue.cancel(`${payment.id}.dead`)
})

test('all letters that a filter finds are redriven together', async () => {
  const payments = await Promise.all(['all-1', 'all-2'].map((key) => accept(rig, key)))
  await bury(
    rig,
    payments.map(({ id }) => ({ paymentId: id, error: 'one of two' })),
  )
  const page = await rig.page('/dead-letters?queue=payments&text=one+of+two', cookie)
  const path = '/queues/payments/dead-letters/redrive'
  expect(page).toContain(`action="${DASHBOARD_PATH}${path}"`)
  expect((await act(path, { text: 'one of two' })).status).toBe(303)
  expect((await rig.queue.deadLetters()).map(({ error }) => error)).not.toContain('one of two')
  expect(await lastAct()).toMatchObject({ action: 'dead-letters.redrive' })
  for (const { id } of payments) await rig.queue.cancel(`${id}.dead`)
})

test('a deletion asks for a reason, and a filter decides which letters go', async () => {
  const payments = await Promise.all(['go-1', 'go-2', 'stay'].map((key) => accept(rig, key)))
  await bury(
    rig,
    payments.map(({ id }, index) => ({
      paymentId: id,
      error: index < 2 ? 'one that goes' : 'one that stays',
    })),
  )
  expect((await act('/queues/payments/dead-letters/delete', { text: 'one that goes' })).status).toBe(422)
  expect(
    (await act('/queues/payments/dead-letters/delete', { text: 'one that goes', note: 'seen twice' })).status,
  ).toBe(303)
  const left = await rig.queue.deadLetters()
  expect(left.map(({ error }) => error)).toContain('one that stays')
  expect(left.map(({ error }) => error)).not.toContain('one that goes')
  expect(await lastAct()).toMatchObject({
    action: 'dead-letters.delete',
    note: 'seen twice',
    outcome: '2 deleted',
  })
})

test('a review is decided on evidence, once', async () => {
  const payment = await park(rig, 'to-decide')
  const path = `/payments/${payment.id}/resolve`
  expect(await rig.page(`/payments/${payment.id}`, cookie)).toContain('Decide this payment')

  expect((await act(path, { to: 'SUCCESS', gateway_ref: 'ch_1', note: 'short' })).status).toBe(422)
  expect(
    (await act(path, { to: 'SUCCESS', gateway_ref: '', note: 'ticket 4711, the report of May' })).status,
  ).toBe(422)
  expect((await rig.store.get(payment.id))?.needsReview).toBe(true)

  const decision = { to: 'SUCCESS', gateway_ref: 'ch_1', note: 'ticket 4711, the report of May' }
  expect((await act(path, decision)).status).toBe(303)
  expect(await rig.store.get(payment.id)).toMatchObject({
    status: 'SUCCESS',
    gatewayRef: 'ch_1',
    needsReview: false,
  })
  expect((await rig.store.events(payment.id)).at(-1)).toMatchObject({
    actor: 'operator:Ada',
    evidence: { note: 'ticket 4711, the report of May' },
  })
  expect(await lastAct()).toMatchObject({
    action: 'payment.resolve',
    target: payment.id,
    outcome: 'SUCCESS, charge ch_1',
  })

  // The answer may have been lost, so the same decision may be repeated; another one comes too late.
  expect((await act(path, decision)).status).toBe(303)
  expect((await act(path, { ...decision, gateway_ref: 'ch_2' })).status).toBe(409)
  expect((await lastAct())?.outcome).toContain('failed:')
})

test('nothing is done while it cannot be recorded', async () => {
  await rig.sql`alter table operator_actions rename to operator_actions_away`
  try {
    expect((await act('/queues/payments/pause')).status).toBe(503)
    expect((await rig.queue.stats()).paused).toBe(false)
  } finally {
    await rig.sql`alter table operator_actions_away rename to operator_actions`
  }
})

test('the record cannot be changed', async () => {
  await act('/queues/payments/resume')
  await expect(rig.sql`update operator_actions set operator = 'nobody'`).rejects.toThrow('append only')
  await expect(rig.sql`delete from operator_actions`).rejects.toThrow('append only')
  await expect(rig.sql`truncate operator_actions`).rejects.toThrow('append only')
})

test('an act shows on every page at once', async () => {
  await rig.page('/', cookie)
  await act('/queues/payments/pause')
  expect(await rig.page('/', cookie)).toContain('is paused')
  await act('/queues/payments/resume')
  await eventually(async () => !(await rig.page('/', cookie)).includes('is paused'))
})

// F257
test('a form with a character that cannot be stored is refused, and does nothing', async () => {
  const failures = rig.errors.length
  for (const path of [
    '/queues/payments/pause',
    '/payments/pay_1/resolve',
    '/queues/payments/dead-letters/delete',
  ]) {
    const answer = await act(path, { note: 'why\0 not, said Ada', to: 'FAILED', text: 'x' })
    expect(answer.status, path).toBe(422)
  }
  expect(rig.errors.slice(failures)).toEqual([])
  expect((await rig.queue.stats()).paused).toBe(false)
})
