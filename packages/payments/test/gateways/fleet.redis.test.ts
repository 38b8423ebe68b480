import { createLog, createRedis, type Redis } from '@titan/service'
import { testPrefix } from '@titan/testkit'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import {
  createSimulatedGateway,
  gatewaysOf,
  inFleet,
  type FleetLimits,
  type Gateway,
} from '../../src/index.ts'
import { attemptOf } from '../support/simulator.ts'

/** For a busy machine; nothing waits that long. */
const PATIENT = { timeout: 20_000 }

let redis: Redis
beforeAll(async () => {
  redis = createRedis(inject('redisUrl'), createLog('test', { logLevel: 'silent', logFormat: 'json' }))
  await redis.connect(10_000)
})
afterAll(() => redis.close())

/** Processes with one gateway each, which share these limits, and what they say of Redis. */
function fleetOf(count: number, limits: FleetLimits) {
  const state = { isAway: false, said: [] as string[] }
  const send: Redis['send'] = (key, args) =>
    state.isAway ? Promise.reject(new Error('away')) : redis.send(key, args)
  const prefix = testPrefix()
  const processes = Array.from({ length: count }, () => {
    const gateways = inFleet(gatewaysOf([createSimulatedGateway({ delayMs: 0 })]), {
      redis: { send },
      prefix,
      limitsOf: () => limits,
      leaseMs: 60_000,
      onShare: () => state.said.push('divided'),
      onWhole: () => state.said.push('restored'),
    })
    return gateways.get('simulated') as Gateway
  })
  return { state, processes }
}

/** Admits as many as there is room for now; a round of all is over when each has been answered. */
async function admitAll(processes: readonly Gateway[], each: number) {
  const giving = new AbortController()
  const admissions: { release(): void }[] = []
  const waiting = processes.flatMap((gateway) =>
    Array.from({ length: each }, async () => {
      const admission = await gateway.admit?.({ signal: giving.signal })
      if (admission !== undefined) admissions.push(admission)
    }),
  )
  const over = Promise.allSettled(waiting)
  return { admissions, giveUp: () => (giving.abort(new Error('enough')), over) }
}

test(
  'conversations of all processes together stay within the limit, and one that ends makes room',
  { timeout: 60_000 },
  async () => {
    const { processes } = fleetOf(2, { maxConcurrent: 3 })
    const { admissions, giveUp } = await admitAll(processes, 3)
    await expect.poll(() => admissions.length, PATIENT).toBe(3)
    admissions[0]?.release()
    await expect.poll(() => admissions.length, PATIENT).toBe(4)
    for (const round of [1, 2, 3]) {
      await redis.send('any', ['PING'])
      expect(admissions.length, `round ${round}`).toBe(4)
    }
    await giveUp()
  },
)

test('requests of all processes together stay within the rate', { timeout: 60_000 }, async () => {
  const { processes } = fleetOf(2, { ratePerSecond: 20 })
  const startedAt = performance.now()
  const { admissions, giveUp } = await admitAll(processes, 8)
  await expect.poll(() => admissions.length, PATIENT).toBe(16)
  // One at once, fifteen more at 19 a second.
  expect(performance.now() - startedAt).toBeGreaterThan((15 / 19) * 1_000 - 50)
  await giveUp()
})

test('later requests of a conversation take their turn', { timeout: 60_000 }, async () => {
  const { processes } = fleetOf(1, { ratePerSecond: 10 })
  const admission = await processes[0]?.admit?.({ signal: AbortSignal.timeout(20_000) })
  const startedAt = performance.now()
  const signal = AbortSignal.timeout(20_000)
  for (const id of ['pay_1', 'pay_2'])
    expect(await admission?.gateway.charge(attemptOf(id), { signal })).toMatchObject({ type: 'SUCCEEDED' })
  expect(performance.now() - startedAt).toBeGreaterThan(50)
})

test(
  'while Redis is away each process keeps to its share, and payments continue',
  { timeout: 60_000 },
  async () => {
    const { state, processes } = fleetOf(2, { maxConcurrent: 4 })
    // Each has seen the other.
    for (const gateway of [...processes, ...processes])
      (await gateway.admit?.({ signal: AbortSignal.timeout(20_000) }))?.release()
    state.isAway = true
    const { admissions, giveUp } = await admitAll(processes, 4)
    await expect.poll(() => admissions.length, PATIENT).toBe(4)
    expect(state.said).toEqual(['divided', 'divided'])
    state.isAway = false
    for (const admission of admissions.splice(0)) admission.release()
    await expect.poll(() => admissions.length, PATIENT).toBe(4)
    expect(state.said.toSorted()).toEqual(['divided', 'divided', 'restored', 'restored'])
    await giveUp()
  },
)

test('a share is one conversation at least', { timeout: 60_000 }, async () => {
  const { state, processes } = fleetOf(3, { maxConcurrent: 1 })
  state.isAway = true
  for (const gateway of processes)
    expect(await gateway.admit?.({ signal: AbortSignal.timeout(20_000) })).toBeDefined()
})

test('a clock that was set back, and an answer that came too late, keep no process waiting', async () => {
  const prefix = testPrefix()
  const place = `${prefix}:{gateway:simulated}`
  let isLate = true
  const send: Redis['send'] = async (key, args) => {
    const answer = await redis.send(key, args)
    // The place was taken, and this process does not know it.
    if (isLate && args[0] === 'EVAL') throw new Error('late')
    return answer as never
  }
  const gateways = inFleet(gatewaysOf([createSimulatedGateway({ delayMs: 0 })]), {
    redis: { send },
    prefix,
    limitsOf: () => ({ maxConcurrent: 1, ratePerSecond: 10 }),
    leaseMs: 60_000,
    onShare: () => (isLate = false),
    onWhole: () => {},
  })
  // Until an hour from now, by the clock that was set back since.
  await redis.send(place, ['SET', `${place}:rate`, String(Date.now() + 3_600_000)])
  await redis.send(place, ['ZADD', `${place}:conversations`, '0', 'over'])
  const signal = AbortSignal.timeout(10_000)
  const first = await gateways.get('simulated')?.admit?.({ signal })
  first?.release()
  const second = await gateways.get('simulated')?.admit?.({ signal })
  expect(second).toBeDefined()
  second?.release()
})
