import { readLedger } from '@titan/gateway-simulator'
import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import {
  createSimulatedGateway,
  limitGateway,
  PaymentsError,
  type Admission,
  type ChargeOutcome,
  type CircuitStatus,
  type Gateway,
  type GatewayLimits,
  type LimitedGateway,
  type SimulatedBehaviour,
} from '../../src/index.ts'
import { attemptOf, charge, startSimulator, stripeAt } from '../support/simulator.ts'

const { signal } = new AbortController()

/** A gateway in this process that does what `behaviour` says at the time. */
function scripted(
  limits: GatewayLimits,
  onCircuit?: (status: CircuitStatus) => void,
): {
  readonly limited: LimitedGateway
  readonly inner: ReturnType<typeof createSimulatedGateway>
  behave(behaviour: SimulatedBehaviour): void
} {
  let current: SimulatedBehaviour = 'succeed'
  const inner = createSimulatedGateway({ delayMs: 0, script: () => current })
  return {
    inner,
    limited: limitGateway(inner, limits, onCircuit),
    behave: (behaviour) => (current = behaviour),
  }
}

async function chargeMany(gateway: Gateway, count: number, prefix: string): Promise<ChargeOutcome[]> {
  const outcomes: ChargeOutcome[] = []
  for (let index = 0; index < count; index++)
    outcomes.push(await charge(gateway, attemptOf(`${prefix}${index}`)))
  return outcomes
}

const breaker = { windowCalls: 10, minCalls: 4, failureShare: 0.5, openMs: 60_000 }

test.each<SimulatedBehaviour>(['transient', 'unknown_before_charge', 'unknown_after_charge'])(
  'the circuit opens when the gateway is ill: %s',
  async (behaviour) => {
    const { limited, inner, behave } = scripted({ breaker })
    behave(behaviour)
    await chargeMany(limited, 4, 'a')
    expect(limited.circuit).toBe('open')
    expect(limited.available).toBe(false)
    expect(await charge(limited, attemptOf('b'))).toMatchObject({ type: 'NOT_SENT', fault: 'throttled' })
    expect(inner.requests).toHaveLength(4)
  },
)

test.each<SimulatedBehaviour>(['succeed', 'soft_decline', 'hard_decline', 'pending'])(
  'the circuit stays closed on %s',
  async (behaviour) => {
    const { limited, behave } = scripted({ breaker })
    behave(behaviour)
    await chargeMany(limited, 30, 'a')
    expect(limited.circuit).toBe('closed')
  },
)

test('refused credentials open the circuit, and a limit of the gateway does not', async () => {
  const simulator = await startSimulator()
  for (const [behaviour, circuit] of [
    ['401', 'open'],
    ['429', 'closed'],
  ] as const) {
    await simulator.reset()
    await simulator.order({ behaviours: [behaviour], times: null })
    const limited = limitGateway(stripeAt(simulator.url), { breaker })
    // With a 429 behind it, the gateway is left alone; only the first of these is sent.
    await chargeMany(limited, 6, behaviour)
    expect(limited.circuit).toBe(circuit)
  }
})

test('fewer failures than the share leave the circuit closed', async () => {
  const { limited, behave } = scripted({ breaker })
  for (let round = 0; round < 20; round++) {
    behave(round % 3 === 2 ? 'transient' : 'succeed')
    await charge(limited, attemptOf(`a${round}`))
  }
  expect(limited.circuit).toBe('closed')
})

test('a refusal says how long the circuit stays open', async () => {
  const { limited, behave } = scripted({ breaker })
  behave('transient')
  await chargeMany(limited, 4, 'a')
  const refusal = await charge(limited, attemptOf('b'))
  const retryAfterMs = refusal.type === 'NOT_SENT' ? (refusal.retryAfterMs ?? 0) : 0
  expect(retryAfterMs).toBeGreaterThan(40_000)
  expect(retryAfterMs).toBeLessThanOrEqual(60_010)
})

test('an open circuit asks nothing either', async () => {
  const { limited, behave } = scripted({ breaker })
  behave('transient')
  await chargeMany(limited, 4, 'a')
  expect(
    await limited.lookup?.({ kind: 'charge', paymentId: 'a0', gatewayKey: 'titan_a0_1' }, { signal }),
  ).toMatchObject({ type: 'FAILED_TO_ASK' })
})

test('while the circuit is open admissions wait; one probes, and the rest follow when it succeeds', async () => {
  const seen: CircuitStatus[] = []
  const limits = { breaker: { ...breaker, openMs: 100, maxOpenMs: 100 } }
  const { limited, inner, behave } = scripted(limits, (status) => seen.push(status))
  behave('transient')
  await chargeMany(limited, 4, 'a')
  behave('succeed')
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const admission = await limited.admit({ signal })
      try {
        return await charge(admission.gateway, attemptOf(`b${index}`))
      } finally {
        admission.release()
      }
    }),
  )
  expect(outcomes.map(({ type }) => type)).toEqual(Array(20).fill('SUCCEEDED'))
  expect(seen).toEqual(['open', 'probing', 'closed'])
  expect(inner.requests).toHaveLength(24)
})

// F59 the gateway down under load: the circuit opens, no attempt is used up
test('while the gateway stays down only probes are sent', async () => {
  let opened = 0
  const limits = { breaker: { ...breaker, openMs: 30, maxOpenMs: 30 } }
  const { limited, inner, behave } = scripted(limits, (status) => (opened += status === 'open' ? 1 : 0))
  behave('transient')
  await chargeMany(limited, 4, 'a')
  const stop = new AbortController()
  const waiting = Array.from({ length: 10 }, async (_, index) => {
    for (;;) {
      const admission = await limited.admit({ signal: stop.signal })
      await charge(admission.gateway, attemptOf(`b${index}`))
      admission.release()
    }
  })
  await eventually(() => opened >= 4)
  stop.abort(new Error('enough'))
  await Promise.allSettled(waiting)
  // Four requests opened the circuit; each probe after that is one request, and opened it again.
  expect(inner.requests.length - 4).toBe(opened - 1)
})

test('a probe that sends nothing leaves its turn to the next', async () => {
  const { limited, behave } = scripted({ breaker: { ...breaker, openMs: 20, maxOpenMs: 20 } })
  behave('transient')
  await chargeMany(limited, 4, 'a')
  behave('succeed')
  const idle = await limited.admit({ signal })
  const next = limited.admit({ signal })
  idle.release()
  expect(await charge((await next).gateway, attemptOf('b'))).toMatchObject({ type: 'SUCCEEDED' })
  expect(limited.circuit).toBe('closed')
})

test('no more conversations than allowed go on at the same time, and none is refused', async () => {
  const inner = createSimulatedGateway({ delayMs: 5 })
  const limited = limitGateway(inner, { maxConcurrent: 3 })
  let [running, most] = [0, 0]
  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const admission = await limited.admit({ signal })
      most = Math.max(most, ++running)
      expect(await charge(admission.gateway, attemptOf(`a${index}`))).toMatchObject({ type: 'SUCCEEDED' })
      running--
      admission.release()
    }),
  )
  expect(most).toBe(3)
  expect(limited.available).toBe(true)
})

test('without an admission a call that has no room is not sent', async () => {
  const inner = createSimulatedGateway({ delayMs: 20 })
  const limited = limitGateway(inner, { maxConcurrent: 1 })
  const [first, second] = await Promise.all([
    charge(limited, attemptOf('a')),
    charge(limited, attemptOf('b')),
  ])
  expect(first).toMatchObject({ type: 'SUCCEEDED' })
  expect(second).toMatchObject({ type: 'NOT_SENT', fault: 'throttled' })
  expect(inner.requests).toHaveLength(1)
})

test('who gives up waiting takes no place, and who releases twice frees one', async () => {
  const limited = limitGateway(createSimulatedGateway({ delayMs: 0 }), { maxConcurrent: 1 })
  const held = await limited.admit({ signal })
  const impatient = new AbortController()
  const given = limited.admit({ signal: impatient.signal })
  impatient.abort(new Error('the worker stops'))
  await expect(given).rejects.toThrow('the worker stops')
  held.release()
  held.release()
  const next = await limited.admit({ signal })
  expect(limited.available).toBe(false)
  next.release()
  await eventually(() => limited.available)
})

test('requests are spread over the time that the rate gives them, and none is refused', async () => {
  const simulator = await startSimulator()
  const limited = limitGateway(stripeAt(simulator.url), { ratePerSecond: 25, maxConcurrent: 50 })
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const admission: Admission = await limited.admit({ signal })
      try {
        return await charge(admission.gateway, attemptOf(`a${index}`))
      } finally {
        admission.release()
      }
    }),
  )
  expect(new Set(outcomes.map(({ type }) => type))).toEqual(new Set(['SUCCEEDED']))
  const times = (await readLedger(simulator.ledgerPath)).requests.map(({ at }) => at)
  // A busy machine may bunch arrivals up, but never hasten them: 60 requests at 25 a second fill more than two seconds.
  const spanMs = Math.max(...times) - Math.min(...times)
  expect(spanMs).toBeGreaterThan(1_900)
})

// F60 more payments than the gateway takes in a second: no more are sent, none fails
test('a gateway that limits itself is not asked more often than it bears', async () => {
  const simulator = await startSimulator({ ratePerSecond: 40 })
  const limited = limitGateway(stripeAt(simulator.url), { ratePerSecond: 36 })
  await Promise.all(
    Array.from({ length: 70 }, async (_, index) => {
      const admission = await limited.admit({ signal })
      expect(await charge(admission.gateway, attemptOf(`a${index}`))).toMatchObject({ type: 'SUCCEEDED' })
      admission.release()
    }),
  )
})

// F50
test('after a 429 the gateway is left alone for as long as it asked', async () => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: ['429'] })
  const limited = limitGateway(stripeAt(simulator.url), {})
  expect(await charge(limited, attemptOf('a'))).toMatchObject({ type: 'NOT_SENT', retryAfterMs: 1_000 })
  expect(limited.available).toBe(false)
  expect(await charge(limited, attemptOf('b'))).toMatchObject({ type: 'NOT_SENT', fault: 'throttled' })
  expect((await readLedger(simulator.ledgerPath)).requests).toHaveLength(1)
  const admission = await limited.admit({ signal })
  expect(await charge(admission.gateway, attemptOf('b'))).toMatchObject({ type: 'SUCCEEDED' })
})

test('closing turns away who waits, and closes the gateway', async () => {
  let isClosed = false
  const inner: Gateway = {
    ...createSimulatedGateway(),
    close: async () => {
      isClosed = true
    },
  }
  const limited = limitGateway(inner, { maxConcurrent: 1 })
  await limited.admit({ signal })
  const waiting = limited.admit({ signal })
  await limited.close?.()
  await expect(waiting).rejects.toThrow('the gateway is closed')
  expect(isClosed).toBe(true)
})

test('what the gateway can do besides, the limited one can do too', () => {
  const gateway = stripeAt('http://127.0.0.1:1', { webhookSecret: 'whsec_1', name: 'stripe-eu', keyTtlMs: 5 })
  const limited = limitGateway(gateway, {})
  expect(limited).toMatchObject({ name: 'stripe-eu', keyTtlMs: 5 })
  expect(limited.parseWebhook?.('{}', undefined)).toMatchObject({ type: 'REFUSED' })
})

test.each<GatewayLimits>([
  { maxConcurrent: 0 },
  { maxConcurrent: 1.5 },
  { ratePerSecond: 0 },
  { ratePerSecond: Number.NaN },
  { breaker: { failureShare: 0 } },
  { breaker: { minCalls: 30, windowCalls: 20 } },
  { breaker: { openMs: 10, maxOpenMs: 5 } },
])('%o are no limits', (limits) => {
  expect(() => limitGateway(createSimulatedGateway(), limits)).toThrow(PaymentsError)
})
