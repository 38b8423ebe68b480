import { expect, test } from 'vitest'
import { work } from '../src/flow/work.ts'
import type { ChargeOutcome, Claim, Gateway, LookupAnswer, MovementRequest } from '../src/index.ts'
import { claimOf } from './support/claims.ts'

const SUCCEEDED: ChargeOutcome = { type: 'SUCCEEDED', gatewayRef: 'pi_1', amount: 500, currency: 'USD' }
const DECLINED: ChargeOutcome = { type: 'DECLINED', code: 'expired_card', kind: 'hard' }
const PENDING: ChargeOutcome = { type: 'PENDING', gatewayRef: 're_1' }

interface Script {
  readonly lookup?: LookupAnswer | undefined
  readonly abandon?: LookupAnswer | undefined
  readonly move?: ChargeOutcome | undefined
}

/** A gateway that answers as it is told, and notes what it is asked. */
function scripted(script: Script) {
  const calls: string[] = []
  const moved: MovementRequest[] = []
  const note = <Answer>(name: string, answer: Answer | undefined) =>
    answer === undefined ? undefined : async () => (calls.push(name), answer)
  const { move } = script
  const gateway: Gateway = {
    name: 'scripted',
    keyTtlMs: 86_400_000,
    charge: async () => (calls.push('charge'), SUCCEEDED),
    lookup: note('lookup', script.lookup),
    abandon: note('abandon', script.abandon),
    move:
      move &&
      (async (request) => {
        calls.push('move')
        moved.push(request)
        return move
      }),
  }
  const run = (claim: Partial<Claim>) => work(claimOf(claim), { gateway, timeoutMs: 1_000, signals: [] })
  return { run, calls, moved }
}

function found(outcome: ChargeOutcome): LookupAnswer {
  return { type: 'FOUND', outcome }
}

const customer = { mode: 'resolve', waitsFor: 'customer', customerPresent: true, gatewayRef: 'pi_1' } as const
const capture = { mode: 'resolve', waitsFor: 'capture', capture: 'manual', gatewayRef: 'pi_1' } as const

test.each([customer, capture])(
  'what waits for the $waitsFor is asked about and never charged again',
  async (claim) => {
    const scripts: Script[] = [
      { lookup: found(SUCCEEDED) },
      { lookup: found(DECLINED), abandon: found(DECLINED) },
      { lookup: { type: 'NOT_FOUND' }, abandon: { type: 'NOT_FOUND' } },
      { lookup: { type: 'FAILED_TO_ASK', reason: '500' }, abandon: { type: 'FAILED_TO_ASK', reason: '500' } },
      {},
    ]
    for (const script of scripts)
      for (const isWaitOver of [false, true])
        for (const isBeingMoved of [false, true]) {
          const { run, calls } = scripted(script)
          await run({ ...claim, isWaitOver, isBeingMoved })
          expect(calls).not.toContain('charge')
          if (!isWaitOver && claim.waitsFor === 'capture') expect(calls).not.toContain('abandon')
          if (isBeingMoved) expect(calls).toEqual([])
        }
  },
)

test('a wait that is over is canceled at the gateway before it counts as expired', async () => {
  const over = { ...customer, isWaitOver: true }
  const canceled = scripted({ abandon: found(DECLINED), lookup: found(SUCCEEDED) })
  expect(await canceled.run(over)).toEqual({ type: 'EXPIRED' })
  expect(canceled.calls).toEqual(['abandon'])

  const silent = scripted({ abandon: { type: 'FAILED_TO_ASK', reason: '500' }, lookup: found(DECLINED) })
  expect(await silent.run(over)).toMatchObject({ type: 'UNKNOWN' })
})

test('a customer who acts at the moment of the cancellation has paid', async () => {
  const late = scripted({ abandon: found(SUCCEEDED), lookup: found(DECLINED) })
  expect(await late.run({ ...customer, isWaitOver: true })).toEqual(SUCCEEDED)
  expect(await late.run(customer)).toEqual(SUCCEEDED)
})

test('a decline that the customer could still turn into a charge is canceled before it counts', async () => {
  const declined = scripted({ lookup: found(DECLINED), abandon: found({ ...DECLINED, code: 'canceled' }) })
  expect(await declined.run(customer)).toEqual(DECLINED)
  expect(declined.calls).toEqual(['lookup', 'abandon'])

  const unsure = scripted({ lookup: found(DECLINED), abandon: { type: 'FAILED_TO_ASK', reason: '500' } })
  expect(await unsure.run(customer)).toMatchObject({ type: 'UNKNOWN' })
})

test('a gateway that cannot cancel is asked, and one that can do neither leaves an operator', async () => {
  const over = { ...capture, isWaitOver: true }
  expect(await scripted({ lookup: found(DECLINED) }).run(over)).toEqual({ type: 'EXPIRED' })
  expect(await scripted({}).run(over)).toMatchObject({ type: 'UNRESOLVABLE' })
})

const refund = {
  paymentId: 'ref_1',
  charge: { paymentId: 'pay_1', gatewayKey: 'titan_pay_1_1', gatewayRef: 'pi_1' },
} as const

test('a refund is sent with the charge that it is about, and never as a charge', async () => {
  const { run, calls, moved } = scripted({ move: { ...SUCCEEDED, gatewayRef: 're_1' } })
  expect(await run(refund)).toMatchObject({ type: 'SUCCEEDED', gatewayRef: 're_1' })
  expect(moved).toEqual([
    {
      kind: 'refund',
      movementId: 'ref_1',
      paymentId: 'pay_1',
      attemptNo: 1,
      gatewayKey: 'titan_ref_1_1',
      amount: 500,
      currency: 'USD',
      chargeKey: 'titan_pay_1_1',
      chargeRef: 'pi_1',
    },
  ])
  expect(calls).toEqual(['move'])
})

test('an unknown refund is sent again under its key, and its answer looked up', async () => {
  const { run, calls, moved } = scripted({ move: { type: 'UNKNOWN', reason: '500' }, lookup: found(PENDING) })
  expect(await run({ ...refund, mode: 'resolve' })).toEqual(PENDING)
  expect(calls).toEqual(['move', 'lookup'])
  expect(moved[0]?.gatewayKey).toBe('titan_ref_1_1')
})

test('a refund that the gateway decides later is asked about', async () => {
  const waiting = { ...refund, mode: 'resolve', waitsFor: 'gateway', gatewayRef: 're_1' } as const
  const { run, calls } = scripted({ move: PENDING, lookup: found(DECLINED) })
  expect(await run(waiting)).toEqual(DECLINED)
  expect(calls).toEqual(['lookup'])
})

test('a gateway without refunds is sent nothing', async () => {
  for (const kind of ['ref_1', 'cap_1', 'void_1']) {
    const { run, calls } = scripted({})
    const outcome = await run({ ...refund, paymentId: kind })
    expect(outcome).toMatchObject({ type: 'REJECTED', code: 'unsupported', fault: 'payment' })
    expect(calls).toEqual([])
  }
})

test('a movement of a charge that has no id is left to an operator', async () => {
  const { run, calls } = scripted({ move: SUCCEEDED })
  const charge = { ...refund.charge, gatewayRef: null }
  expect(await run({ ...refund, charge })).toMatchObject({ type: 'UNRESOLVABLE' })
  expect(calls).toEqual([])
})

test('a charge is sent with what the client said, and with the token of this gateway alone', async () => {
  const requests: unknown[] = []
  const gateway: Gateway = {
    name: 'simulated',
    keyTtlMs: 1,
    charge: async (request) => (requests.push(request), SUCCEEDED),
  }
  const details = {
    paymentMethod: { simulated: 'pm_here', other: 'pm_there' },
    customer: { other: 'cus_there' },
    reference: 'order 7',
    description: null,
    statementDescriptor: null,
    metadata: { a: 'b' },
    returnUrl: null,
    nextAction: null,
    erasedAt: null,
  }
  const options = { gateway, timeoutMs: 1_000, signals: [] }
  await work(claimOf({ details, capture: 'manual', customerPresent: true }), options)
  await work(claimOf(), options)
  const plain = {
    paymentId: 'pay_1',
    attemptNo: 1,
    gatewayKey: 'titan_pay_1_1',
    amount: 500,
    currency: 'USD',
  }
  const given = { paymentMethod: 'pm_here', reference: 'order 7', metadata: { a: 'b' } }
  expect(requests).toStrictEqual([{ ...plain, ...given, capture: 'manual', customerPresent: true }, plain])
})
