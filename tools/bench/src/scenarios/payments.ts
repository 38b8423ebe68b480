import { setTimeout as pause } from 'node:timers/promises'
import { openLoad, type Load, type Send } from '../payments/load.ts'
import { BARE, openStores, openSystem, OURS, PER_STEP, type PaymentSystem } from '../payments/systems.ts'
import type { Sample, Scenario, Side } from '../scenario.ts'
import { quantile } from '../measure.ts'
import { expectCount, reach } from '../work.ts'

const NO_OP = 'GET /healthz of the same server'
const LEVELS = [64, 256] as const
/** Longer than the relay waits before it marks payments as QUEUED. */
const AFTER_MS = 500
const keyOf = (inFlight: number): string => `rate${inFlight}`

/** How fast payments are accepted. */
export const pay: Scenario = {
  name: 'pay',
  title: 'POST /pay',
  about:
    'Accepting payments over HTTP, no worker running; the relay of the API enqueues them meanwhile. A separate process sends. Compared with a route that does nothing, a plain design that does INSERT, XADD and UPDATE for each request, and the smallest program that stores and enqueues them.',
  metrics: LEVELS.map((inFlight) => ({
    key: keyOf(inFlight),
    title: `${inFlight} requests in flight`,
    unit: 'requests/s',
  })),
  comparisons: LEVELS.flatMap((inFlight) => [
    { metric: keyOf(inFlight), of: OURS, to: NO_OP, ...(inFlight === 256 && { goal: { atLeast: 0.35 } }) },
    { metric: keyOf(inFlight), of: OURS, to: PER_STEP },
    { metric: keyOf(inFlight), of: OURS, to: BARE },
  ]),
  rounds: 3,
  async prepare(context) {
    const requests = context.pick({ full: 15_000, quick: 6_000, smoke: 256 })
    const stores = await openStores(context)
    const ours = await openSystem(context, stores, OURS)
    const perStep = await openSystem(context, stores, PER_STEP)
    const bare = await openSystem(context, stores, BARE)
    const send = await openLoad(context)
    return [
      paySide(ours, send, requests),
      paySide(perStep, send, Math.max(256, Math.ceil(requests / 3))),
      paySide(bare, send, requests),
      noOpSide(ours, send, requests),
    ]
  },
}

async function perLevel(run: (inFlight: number) => Promise<number>): Promise<Sample> {
  const sample: Record<string, number> = {}
  for (const inFlight of LEVELS) sample[keyOf(inFlight)] = await run(inFlight)
  return sample
}

function paySide({ name, setting, url, counts }: PaymentSystem, send: Send, requests: number): Side {
  async function accept(inFlight: number): Promise<number> {
    const before = (await counts()).all
    const rate = await send({ url: `${url}/pay`, method: 'POST', requests, inFlight })
    expectCount(`${name}: payments stored`, (await counts()).all - before, requests)
    // What a side does behind its last answers is not for the next one to pay.
    await pause(AFTER_MS)
    return rate
  }
  return { name, setting, run: () => perLevel(accept) }
}

function noOpSide({ url }: PaymentSystem, send: Send, requests: number): Side {
  const ask = (inFlight: number) => send({ url: `${url}/healthz`, method: 'GET', requests, inFlight })
  return { name: NO_OP, run: () => perLevel(ask) }
}

const IN_FLIGHT = 64
/** Twice as many as requests, so that neither design's worker is what all others wait for. */
const CONCURRENCY = 128
const STEADY = 300

/** How fast payments end. */
export const settlement: Scenario = {
  name: 'settlement',
  title: 'Payments from POST to their end',
  about: `One worker process, concurrency ${CONCURRENCY}, a gateway that answers at once, ${IN_FLIGHT} requests in flight. First as fast as they are accepted, from the first request until the last payment has ended; then ${STEADY} a second, a pace that both designs keep. The time of a payment is the database's, from its creation to its end.`,
  metrics: [
    { key: 'rate', title: 'payments ended', unit: 'payments/s' },
    { key: 'p99', title: '99 of 100 end within', unit: 'ms' },
    { key: 'steadyP99', title: `99 of 100 end within, at ${STEADY}/s`, unit: 'ms' },
  ],
  comparisons: [
    { metric: 'rate', of: OURS, to: PER_STEP, goal: { atLeast: 2.2 } },
    { metric: 'p99', of: OURS, to: PER_STEP },
    { metric: 'steadyP99', of: OURS, to: PER_STEP, goal: { atMost: 1 } },
  ],
  rounds: 3,
  async prepare(context) {
    const requests = context.pick({ full: 12_000, quick: 5_000, smoke: IN_FLIGHT })
    const steady = context.pick({ full: 900, quick: 600, smoke: IN_FLIGHT })
    const stores = await openStores(context)
    const ours = await openSystem(context, stores, OURS, CONCURRENCY)
    const perStep = await openSystem(context, stores, PER_STEP, CONCURRENCY)
    const send = await openLoad(context)
    const fewer = Math.max(IN_FLIGHT, Math.ceil(requests / 3))
    return [settlementSide(ours, send, requests, steady), settlementSide(perStep, send, fewer, steady)]
  },
}

function settlementSide(system: PaymentSystem, send: Send, requests: number, steady: number): Side {
  return {
    name: system.name,
    setting: system.setting,
    async run() {
      const { rate, p99 } = await settle(system, send, { requests })
      const paced = await settle(system, send, { requests: steady, rate: STEADY })
      return { rate, p99, steadyP99: paced.p99 }
    },
  }
}

async function settle(
  { url, counts, durations }: PaymentSystem,
  send: Send,
  load: Pick<Load, 'requests' | 'rate'>,
): Promise<{ rate: number; p99: number }> {
  const before = (await counts()).ended
  const begun = performance.now()
  await send({ url: `${url}/pay`, method: 'POST', inFlight: IN_FLIGHT, ...load })
  await reach(load.requests, async () => (await counts()).ended - before)
  const seconds = (performance.now() - begun) / 1_000
  return { rate: load.requests / seconds, p99: quantile(await durations(load.requests), 0.99) }
}
