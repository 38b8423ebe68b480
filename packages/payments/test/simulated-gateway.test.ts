import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSimulatedGateway, type ChargeRequest, type SimulatedGateway } from '../src/index.ts'

const signal = new AbortController().signal

function requestOf(key: string, amount = 500): ChargeRequest {
  return { paymentId: `pay_${key}`, attemptNo: 1, gatewayKey: key, amount, currency: 'USD' }
}

function charge(gateway: SimulatedGateway, key: string): ReturnType<SimulatedGateway['charge']> {
  return gateway.charge(requestOf(key), { signal })
}

test('a repeat of a key gets the stored answer and is charged once', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const first = await charge(gateway, 'k1')
  expect(await charge(gateway, 'k1')).toEqual(first)
  expect(first).toMatchObject({ type: 'SUCCEEDED', amount: 500, currency: 'USD' })
  expect(gateway.ledger).toHaveLength(1)
})

test('a repeat with other parameters is refused and counted', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  await charge(gateway, 'k1')
  expect(await gateway.charge(requestOf('k1', 501), { signal })).toMatchObject({ type: 'UNKNOWN' })
  expect(gateway.mismatches).toBe(1)
  expect(gateway.ledger).toHaveLength(1)
})

test('a decline is stored under its key', async () => {
  const gateway = createSimulatedGateway({
    delayMs: 0,
    script: (_request, send) => (send === 1 ? 'hard_decline' : 'succeed'),
  })
  const first = await charge(gateway, 'k1')
  expect(first).toMatchObject({ type: 'DECLINED', kind: 'hard' })
  expect(await charge(gateway, 'k1')).toEqual(first)
  expect(gateway.ledger).toHaveLength(0)
})

test('a lost answer after a charge is found by a repeat, and by asking', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0, script: () => 'unknown_after_charge' })
  expect(await charge(gateway, 'k1')).toMatchObject({ type: 'UNKNOWN' })
  expect(
    await gateway.lookup?.({ kind: 'charge', paymentId: 'pay_k1', gatewayKey: 'k1' }, { signal }),
  ).toMatchObject({ type: 'FOUND' })
  expect(await charge(gateway, 'k1')).toMatchObject({ type: 'SUCCEEDED' })
  expect(gateway.ledger).toHaveLength(1)
})

test('a key that was forgotten is charged again: replays must stop before', async () => {
  const gateway = createSimulatedGateway({ delayMs: 2, keyTtlMs: 0 })
  await charge(gateway, 'k1')
  await charge(gateway, 'k1')
  expect(gateway.ledger).toHaveLength(2)
})

test('giving up while waiting leaves the charge standing', async () => {
  const gateway = createSimulatedGateway({ script: () => 'hang' })
  const controller = new AbortController()
  const answer = gateway.charge(requestOf('k1'), { signal: controller.signal })
  controller.abort()
  expect(await answer).toMatchObject({ type: 'UNKNOWN' })
  expect(gateway.ledger).toHaveLength(1)
})

test('giving up before sending sends nothing', async () => {
  const gateway = createSimulatedGateway()
  expect(await gateway.charge(requestOf('k1'), { signal: AbortSignal.abort() })).toMatchObject({
    type: 'NOT_SENT',
  })
  expect(gateway.requests).toHaveLength(0)
})

test('the same seed gives the same answers in any order', async () => {
  const keys = Array.from({ length: 30 }, (_, index) => `k${index}`)
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.shuffledSubarray(keys, { minLength: 30 }), async (seed, order) => {
      const options = { delayMs: 0, seed, transientRate: 0.2, declineRate: 0.3, unknownRate: 0.2 }
      const [one, other] = [createSimulatedGateway(options), createSimulatedGateway(options)]
      const expected = new Map<string, unknown>()
      for (const key of keys) expected.set(key, await charge(one, key))
      for (const key of order) expect(await charge(other, key)).toEqual(expected.get(key))
    }),
    { numRuns: 20 },
  )
})

test('rates are kept over many requests', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0, successRate: 0.7, transientRate: 0.1 })
  const counts: Record<string, number> = {}
  for (let index = 0; index < 2_000; index++) {
    const { type } = await charge(gateway, `k${index}`)
    counts[type] = (counts[type] ?? 0) + 1
  }
  expect(counts['SUCCEEDED']).toBeGreaterThan(1_300)
  expect(counts['SUCCEEDED']).toBeLessThan(1_500)
  expect(counts['NOT_SENT']).toBeGreaterThan(140)
  expect(counts['DECLINED']).toBeGreaterThan(320)
})

test('rates that are impossible are refused', () => {
  expect(() => createSimulatedGateway({ successRate: 1.5 })).toThrow('must be between 0 and 1')
  expect(() => createSimulatedGateway({ transientRate: 0.7, unknownRate: 0.7 })).toThrow(
    'must be between 0 and 1',
  )
  expect(() => createSimulatedGateway({ successRate: 0.5, declineRate: 0.1 })).toThrow('must be 1')
})

test('a gateway that runs for months remembers its latest charges, and finds them', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { signal } = new AbortController()
  const keyOf = (number: number): string => `titan_pay_${number}_1`
  for (let number = 0; number < 250_000; number++)
    await gateway.charge(
      { paymentId: `pay_${number}`, attemptNo: 1, gatewayKey: keyOf(number), amount: 500, currency: 'USD' },
      { signal },
    )
  expect(gateway.ledger.length).toBeLessThan(200_000)
  expect(gateway.requests.length).toBeLessThan(200_000)
  expect(gateway.ledger.at(-1)).toMatchObject({ gatewayKey: keyOf(249_999) })
  const find = (number: number) =>
    gateway.lookup?.({ kind: 'charge', paymentId: '', gatewayKey: keyOf(number) }, { signal })
  expect(await find(249_999)).toMatchObject({ type: 'FOUND' })
  expect(await find(0)).toEqual({ type: 'NOT_FOUND' })
})
