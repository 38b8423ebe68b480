import { readLedger, type GatewayLedger, type Movement, type RequestEntry } from '@titan/gateway-simulator'
import { afterAll, expect, inject, it } from 'vitest'
import { verify } from '../src/index.ts'
import { authorized, soundMovements, soundVoid } from './support/own-movement-breaches.ts'
import { afterPlanting, withoutTriggers } from './support/planted.ts'
import { createWorld } from './support/world.ts'

const world = await createWorld(inject('databaseUrl'), inject('redisUrl'))
afterAll(() => world.close())
const { paid, secondTry, unknown } = world.ids
const recorded = await readLedger(world.ledger)

/** The id that a planted movement has. */
const idOf = (prefix: string, payment: string, key = '1') => `${prefix}_${key}${payment.slice(-8)}`

function movement(kind: Movement['kind'], payment: string, given: Partial<Movement> = {}): Movement {
  const prefix = { refund: 'ref', capture: 'cap', void: 'void', authorization: 'pay' }[kind]
  const own = idOf(prefix, payment)
  const charge = recorded.charges.find(({ reference }) => reference === payment)
  const { intentId = 'pi_1', id: chargeId = 'ch_1' } = charge ?? {}
  const id = kind === 'refund' ? `at_gateway_${own}` : chargeId
  const facts = { key: `titan_${own}_1`, payment, reference: null, amount: 500, currency: 'usd' }
  return { kind, id, at: Date.now(), intentId, chargeId, status: 'succeeded', ...facts, ...given }
}

const refund = movement('refund', paid, { amount: 200 })
const sound: readonly Movement[] = [
  refund,
  movement('refund', secondTry),
  movement('refund', unknown, { amount: 300 }),
  movement('capture', unknown, { amount: 300 }),
]

/** Verifies sound movements of our books against a ledger, and returns what breaks a rule about movements. */
async function lookAt(
  change: Partial<GatewayLedger>,
  plant: (ids: typeof world.ids) => string = soundMovements,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const ledger = { ...recorded, movements: sound, ...change }
  const findings = await afterPlanting(world.sql, withoutTriggers(plant(world.ids)), (sql) =>
    verify({ sql, ledger, settled: true }),
  )
  const failed = findings.filter(
    ({ id, verdict }) => verdict === 'FAIL' && ['I6', 'I10', 'I37', 'I38'].includes(id),
  )
  return Object.fromEntries(failed.map(({ id, offenders }) => [id, offenders]))
}

it('passes where the ledger says the same', async () => {
  expect(await lookAt({})).toEqual({})
  expect(await lookAt({ movements: [movement('void', unknown)] }, soundVoid)).toEqual({})
})

it.each([
  ['a refund that only we know', { movements: sound.slice(1) }, { I37: [idOf('ref', paid)] }],
  [
    'a refund of another amount',
    { movements: [{ ...refund, amount: 199 }, ...sound.slice(1)] },
    { I37: [idOf('ref', paid)] },
  ],
  [
    'a refund that failed at the gateway, and no contradiction says so',
    { movements: [{ ...refund, status: 'failed' as const }, ...sound.slice(1)] },
    { I37: [idOf('ref', paid)] },
  ],
  [
    'money that was returned twice for one refund',
    { movements: [...sound, { ...refund, id: 're_2' }] },
    { I37: [idOf('ref', paid)] },
  ],
  [
    'money that was returned for a refund that FAILED',
    { movements: [...sound, { ...refund, id: 're_3', key: `titan_${idOf('ref', paid, '3')}_1` }] },
    { I37: [idOf('ref', paid, '3')] },
  ],
  [
    'more money returned than was captured',
    { movements: [...sound, { ...refund, id: 're_4', key: null, amount: 301 }] },
    { I37: [paid] },
  ],
  [
    'a refund that only the gateway knows',
    { movements: [...sound, { ...refund, id: 're_5', key: null, amount: 1 }] },
    { I37: [paid] },
  ],
  [
    'a void that the gateway did, and that FAILED',
    { movements: [...sound, movement('void', unknown)] },
    { I38: [idOf('void', unknown)] },
  ],
  ['a capture that only we know', { movements: sound.slice(0, 3) }, { I38: [idOf('cap', unknown)] }],
])('names %s', async (_what, change, broken) => {
  expect(await lookAt(change)).toEqual(broken)
})

it('names a void that the gateway did not do', async () => {
  expect(await lookAt({ movements: [] }, soundVoid)).toEqual({ I38: [idOf('void', unknown)] })
})

it('names an authorization that the gateway captured', async () => {
  const own = (kind: 'capture' | 'void') => ({ movements: [movement(kind, unknown, { key: null })] })
  const waiting = (ids: typeof world.ids) => authorized(ids.unknown)
  expect(await lookAt(own('capture'), waiting)).toEqual({ I38: [unknown] })
  expect(await lookAt(own('void'), waiting)).toEqual({})
})

it.each([
  ['a contradiction', `'missing_here', $id, 'stripe', 're_6', '{}', null, null, null, null`],
  ['a refund by hand', `'late_charge', $id, 'stripe', 'pi_late', '{}', now(), 'ticket 1', 'ann', 're_6'`],
])('passes a refund of the gateway’s own that is on record as %s', async (_what, row) => {
  const own = { movements: [...sound, { ...refund, id: 're_6', key: null, amount: 1 }] }
  const recorded = (ids: typeof world.ids): string => `
    ${soundMovements(ids)}
    insert into reconciliation_breaks
           (kind, payment_id, gateway, reference, detail, resolved_at, resolution, resolved_by, refund_ref)
    values (${row.replace('$id', `'${paid}'`)})`
  expect(await lookAt(own, recorded)).toEqual({})
})

it('passes a second refund that was undone', async () => {
  const own = { movements: [...sound, { ...refund, id: 're_8' }] }
  const undone = (ids: typeof world.ids): string => `
    ${soundMovements(ids)}
    insert into reconciliation_breaks
           (kind, payment_id, gateway, reference, detail, resolved_at, resolution, resolved_by, refund_ref)
    values ('duplicate_charge', '${idOf('ref', paid)}', 'stripe', 're_8', '{}', now(), 'ticket 1', 'ann', 'undone_1')`
  expect(await lookAt(own, undone)).toEqual({})
})

it('names a payment that only a refund at the gateway knows', async () => {
  const stranger = { ...refund, id: 're_7', key: null, payment: 'pay_stranger' }
  expect(await lookAt({ movements: [...sound, stranger] })).toMatchObject({ I6: ['pay_stranger'] })
})

it('names a key that was sent before it was committed, and takes the key of a cancellation', async () => {
  const request = (key: string): RequestEntry => ({
    type: 'request',
    id: 'req_1',
    at: Date.now() + 60_000,
    method: 'POST',
    path: '/v1/refunds',
    key,
    reference: paid,
    amount: 200,
    currency: null,
    behaviour: 'ok',
  })
  const own = `titan_${idOf('ref', paid)}_1`
  const { requests } = recorded
  const abandoned = { ...request(`titan_${paid}_1_abandon`), path: '/v1/payment_intents/pi_1/cancel' }
  expect(await lookAt({ requests: [...requests, request(own), abandoned] })).toEqual({})
  expect(await lookAt({ requests: [...requests, request('titan_ref_strange_1')] })).toEqual({ I10: [paid] })
  const early = { ...request(own), at: 1 }
  expect(await lookAt({ requests: [...requests, early] })).toEqual({ I10: [paid] })
})
