import { readLedger, type GatewaySimulator } from '@titan/gateway-simulator'
import { expect, test } from 'vitest'
import type { ChargeOutcome, ChargeRequest, Gateway, LookupAnswer, MovementRequest } from '../../src/index.ts'
import { attemptOf, charge, startSimulator, stripeAt } from '../support/simulator.ts'
import { movementOf } from '../support/stripe-fake.ts'

const signal = new AbortController().signal

type Kind = MovementRequest['kind']

/** A movement's turn: a simulator with a charge of 500 that can be captured, voided or refunded. */
interface Turn {
  readonly simulator: GatewaySimulator
  readonly gateway: Gateway
  readonly request: MovementRequest
}

async function turnOf(kind: Kind, given: Partial<ChargeRequest> = {}): Promise<Turn> {
  const simulator = await startSimulator()
  const gateway = stripeAt(simulator.url)
  const capture = kind === 'refund' ? 'automatic' : 'manual'
  const outcome = await charge(gateway, attemptOf('pay_1', { capture, ...given }))
  if (!('gatewayRef' in outcome) || outcome.gatewayRef === undefined) throw new Error(outcome.type)
  return { simulator, gateway, request: movementOf(kind, { chargeRef: outcome.gatewayRef }) }
}

async function move(
  { gateway, request }: Turn,
  given: Partial<MovementRequest> = {},
): Promise<ChargeOutcome> {
  const outcome = await gateway.move?.({ ...request, ...given }, { signal })
  if (outcome === undefined) throw new Error('the gateway moves nothing')
  return outcome
}

async function lookup({ gateway, request }: Turn, gatewayRef?: string): Promise<LookupAnswer> {
  const { kind, movementId: paymentId, gatewayKey, chargeRef } = request
  const answer = await gateway.lookup?.({ kind, paymentId, gatewayKey, chargeRef, gatewayRef }, { signal })
  if (answer === undefined) throw new Error('the gateway answers no inquiries')
  return answer
}

/** How often money moved for a kind of movement. */
async function movesOf({ simulator, request: { kind } }: Turn): Promise<number> {
  const { movements, mismatches } = await readLedger(simulator.ledgerPath)
  expect(mismatches).toBe(0)
  return movements.filter((movement) => movement.kind === kind).length
}

const OPERATIONS = { capture: 'capture', void: 'cancel', refund: 'refund' } as const

interface Case {
  readonly behaviour: string
  readonly first: ChargeOutcome['type']
  /** What the same request comes to when it is repeated. */
  readonly replay: ChargeOutcome['type']
  /** What the gateway's books say between the two. */
  readonly found: 'SUCCEEDED' | 'NOT_FOUND'
}

const CASES: readonly Case[] = [
  { behaviour: 'ok', first: 'SUCCEEDED', replay: 'SUCCEEDED', found: 'SUCCEEDED' },
  { behaviour: '500_before', first: 'UNKNOWN', replay: 'UNKNOWN', found: 'NOT_FOUND' },
  { behaviour: '500_after', first: 'UNKNOWN', replay: 'UNKNOWN', found: 'SUCCEEDED' },
  { behaviour: 'reset_before', first: 'UNKNOWN', replay: 'SUCCEEDED', found: 'NOT_FOUND' },
  { behaviour: 'reset_after', first: 'UNKNOWN', replay: 'SUCCEEDED', found: 'SUCCEEDED' },
  { behaviour: '503', first: 'UNKNOWN', replay: 'SUCCEEDED', found: 'NOT_FOUND' },
  { behaviour: '409', first: 'UNKNOWN', replay: 'SUCCEEDED', found: 'NOT_FOUND' },
  { behaviour: 'garbage', first: 'UNKNOWN', replay: 'SUCCEEDED', found: 'SUCCEEDED' },
  { behaviour: 'error_200', first: 'UNKNOWN', replay: 'SUCCEEDED', found: 'SUCCEEDED' },
  { behaviour: '429', first: 'NOT_SENT', replay: 'SUCCEEDED', found: 'NOT_FOUND' },
  { behaviour: '401', first: 'NOT_SENT', replay: 'SUCCEEDED', found: 'NOT_FOUND' },
  { behaviour: '400', first: 'REJECTED', replay: 'SUCCEEDED', found: 'NOT_FOUND' },
  { behaviour: 'invalid:amount', first: 'REJECTED', replay: 'REJECTED', found: 'NOT_FOUND' },
]

const EACH = (['capture', 'void', 'refund'] as const).flatMap((kind) =>
  CASES.map((given) => ({ kind, ...given })),
)

test.each(EACH)(
  'a $kind that meets $behaviour is $first, a repeat $replay, and happens once at most',
  async ({ kind, behaviour, first, replay, found }) => {
    const turn = await turnOf(kind)
    await turn.simulator.order({ on: OPERATIONS[kind], behaviours: [behaviour, 'ok'] })
    expect(await move(turn)).toMatchObject({ type: first })
    const answer = await lookup(turn)
    if (found === 'NOT_FOUND') expect(answer).toEqual({ type: 'NOT_FOUND' })
    else expect(answer).toMatchObject({ type: 'FOUND', outcome: { type: found } })
    expect(await move(turn)).toMatchObject({ type: replay })
    expect(await movesOf(turn)).toBe(replay === 'SUCCEEDED' || found === 'SUCCEEDED' ? 1 : 0)
  },
)

test('a part is captured, and not more than that can be refunded', async () => {
  const turn = await turnOf('capture')
  expect(await move(turn, { amount: 300 })).toMatchObject({ type: 'SUCCEEDED', amount: 300 })
  expect(await lookup(turn)).toMatchObject({ outcome: { type: 'SUCCEEDED', amount: 300 } })
  const refund = { ...turn, request: { ...movementOf('refund'), chargeRef: turn.request.chargeRef } }
  expect(await move(refund, { amount: 301 })).toMatchObject({ type: 'REJECTED', fault: 'payment' })
  const second = { movementId: 'ref_2', gatewayKey: 'titan_ref_2_1', amount: 300 }
  expect(await move(refund, second)).toMatchObject({ type: 'SUCCEEDED', amount: 300 })
  const third = { movementId: 'ref_3', gatewayKey: 'titan_ref_3_1', amount: 1 }
  expect(await move(refund, third)).toMatchObject({ type: 'REJECTED', code: 'charge_already_refunded' })
})

test('of a capture and a void the first one counts, and each is told the truth', async () => {
  const captured = await turnOf('capture')
  await move(captured)
  const late = { ...captured, request: movementOf('void', { chargeRef: captured.request.chargeRef }) }
  expect(await move(late)).toMatchObject({ type: 'DECLINED', code: 'already_captured' })
  const voided = await turnOf('void')
  await move(voided)
  const later = { ...voided, request: movementOf('capture', { chargeRef: voided.request.chargeRef }) }
  expect(await move(later)).toMatchObject({ type: 'DECLINED', code: 'canceled_requested_by_customer' })
})

test('an authorization says until when it holds, also when it is looked up', async () => {
  const simulator = await startSimulator()
  const gateway = stripeAt(simulator.url)
  const outcome = await charge(gateway, attemptOf('pay_1', { capture: 'manual' }))
  expect(outcome).toMatchObject({ type: 'AUTHORIZED', amount: 500, expiresAt: expect.any(Date) as Date })
  const { gatewayKey } = attemptOf('pay_1')
  const found = await gateway.lookup?.({ kind: 'charge', paymentId: 'pay_1', gatewayKey }, { signal })
  expect(found).toEqual({ type: 'FOUND', outcome })
})

test('a refund that the gateway decides later is pending, then over', async () => {
  const turn = await turnOf('refund')
  await turn.simulator.order({ on: 'refund', behaviours: ['pending_then:decline:declined@50'] })
  const outcome = await move(turn)
  expect(outcome).toMatchObject({ type: 'PENDING', gatewayRef: expect.stringMatching(/^re_/) as string })
  const gatewayRef = outcome.type === 'PENDING' ? outcome.gatewayRef : undefined
  await expect
    .poll(() => lookup(turn, gatewayRef))
    .toMatchObject({ outcome: { type: 'DECLINED', code: 'declined', kind: 'hard' } })
})

const there = { paymentMethod: 'pm_card_threeDSecure2Required', customerPresent: true } as const
const about = { kind: 'charge', paymentId: 'pay_1', gatewayKey: 'titan_pay_1_1' } as const

test.each([
  [
    'an address',
    { ...there, returnUrl: 'https://shop.example/done' },
    { type: 'redirect', url: expect.stringMatching(/^http/) as string },
  ],
  ['Stripe’s library', there, { type: 'sdk', clientSecret: expect.stringContaining('_secret_') as string }],
])('a customer who is there is asked by %s', async (_name, given, nextAction) => {
  const simulator = await startSimulator()
  const gateway = stripeAt(simulator.url)
  const outcome = await charge(gateway, attemptOf('pay_1', given))
  expect(outcome).toMatchObject({ type: 'REQUIRES_ACTION', nextAction })
  expect(await gateway.lookup?.(about, { signal })).toEqual({ type: 'FOUND', outcome })
})

test('a bank that asks while the customer is away declines', async () => {
  const simulator = await startSimulator()
  const away = attemptOf('pay_1', { paymentMethod: there.paymentMethod })
  expect(await charge(stripeAt(simulator.url), away)).toMatchObject({
    type: 'DECLINED',
    code: 'authentication_required',
    kind: 'hard',
  })
})

test.each<[string, Partial<ChargeOutcome>]>([
  ['action_then:ok@50', { type: 'SUCCEEDED', amount: 500 }],
  ['action_then:fail@50', { type: 'DECLINED', code: 'payment_intent_authentication_failure', kind: 'hard' }],
])('the answer of a customer (%s) is found', async (behaviour, outcome) => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: [behaviour] })
  const gateway = stripeAt(simulator.url)
  await charge(gateway, attemptOf('pay_1', there))
  await expect.poll(() => gateway.lookup?.(about, { signal })).toMatchObject({ type: 'FOUND', outcome })
  // What the customer failed is closed: his browser has the secret to try again.
  const [intent] = (await readLedger(simulator.ledgerPath)).intents
  expect(intent?.status).toBe(outcome.type === 'SUCCEEDED' ? 'succeeded' : 'canceled')
})

test.each<[string, Partial<ChargeRequest>, string]>([
  ['a question', there, 'authentication_expired'],
  ['an authorization', { capture: 'manual' }, 'authorization_expired'],
])('%s that is given up ends, and stays so', async (_name, given, code) => {
  const simulator = await startSimulator()
  const gateway = stripeAt(simulator.url)
  await charge(gateway, attemptOf('pay_1', given))
  const ended = { type: 'FOUND', outcome: { type: 'DECLINED', code, kind: 'hard' } }
  expect(await gateway.abandon?.(about, { signal })).toMatchObject(ended)
  expect(await gateway.abandon?.(about, { signal })).toMatchObject(ended)
  expect(await gateway.lookup?.(about, { signal })).toMatchObject(ended)
  expect((await readLedger(simulator.ledgerPath)).charges).toEqual([])
})

test('a charge that nobody knows, and one that is over, are not given up', async () => {
  const simulator = await startSimulator()
  const gateway = stripeAt(simulator.url)
  expect(await gateway.abandon?.(about, { signal })).toEqual({ type: 'NOT_FOUND' })
  await charge(gateway, attemptOf('pay_1'))
  expect(await gateway.abandon?.(about, { signal })).toMatchObject({ outcome: { type: 'SUCCEEDED' } })
})

test('the largest request that a client may send is one that Stripe takes', async () => {
  const pairs = Array.from({ length: 40 }, (_, index) => [`${'k'.repeat(38)}${10 + index}`, 'v'.repeat(110)])
  const simulator = await startSimulator()
  const outcome = await charge(
    stripeAt(simulator.url),
    attemptOf('pay_1', {
      reference: 'r'.repeat(255),
      description: 'd'.repeat(500),
      statementDescriptor: 'TICKETS 4711',
      metadata: Object.fromEntries(pairs) as Readonly<Record<string, string>>,
      capture: 'manual',
      ...there,
      returnUrl: `https://shop.example/${'p'.repeat(1_000)}`,
    }),
  )
  expect(outcome).toMatchObject({ type: 'REQUIRES_ACTION' })
})
