import { setTimeout as pause } from 'node:timers/promises'
import { openLoad, type Send } from '../payments/load.ts'
import {
  BARE,
  openBare,
  openOurs,
  openPerStep,
  openStores,
  OURS,
  PER_STEP,
  type PaymentSystem,
} from '../payments/systems.ts'
import type { Scenario, Side } from '../scenario.ts'
import { quantile } from '../statistics.ts'
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
    { metric: keyOf(inFlight), of: OURS, to: NO_OP, goal: { atLeast: 0.5 } },
    { metric: keyOf(inFlight), of: OURS, to: PER_STEP, goal: { atLeast: 4 } },
    { metric: keyOf(inFlight), of: OURS, to: BARE },
  ]),
  rounds: 3,
  async prepare(context) {
    const requests = context.pick({ full: 15_000, quick: 6_000, smoke: 256 })
    const stores = await openStores(context)
    const ours = await openOurs(context, stores)
    const perStep = await openPerStep(context, stores)
    const bare = await openBare(context, stores)
    const send = await openLoad(context)
    return [
      paySide(ours, send, requests),
      paySide(perStep, send, Math.max(256, Math.ceil(requests / 3))),
      paySide(bare, send, requests),
      noOpSide(ours, send, requests),
    ]
  },
}

function paySide({ name, setting, url, counts }: PaymentSystem, send: Send, requests: number): Side {
  return {
    name,
    setting,
    async run() {
      const sample: Record<string, number> = {}
      for (const inFlight of LEVELS) {
        const before = (await counts()).all
        sample[keyOf(inFlight)] = await send({ url: `${url}/pay`, method: 'POST', requests, inFlight })
        expectCount(`${name}: payments stored`, (await counts()).all - before, requests)
        // What a side does behind its last answers is not for the next one to pay.
        await pause(AFTER_MS)
      }
      return sample
    },
  }
}

function noOpSide({ url }: PaymentSystem, send: Send, requests: number): Side {
  return {
    name: NO_OP,
    async run() {
      const sample: Record<string, number> = {}
      for (const inFlight of LEVELS)
        sample[keyOf(inFlight)] = await send({ url: `${url}/healthz`, method: 'GET', requests, inFlight })
      return sample
    },
  }
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
    { metric: 'rate', of: OURS, to: PER_STEP, goal: { atLeast: 5 } },
    { metric: 'p99', of: OURS, to: PER_STEP, goal: { atMost: 1 } },
    { metric: 'steadyP99', of: OURS, to: PER_STEP, goal: { atMost: 1 } },
  ],
  rounds: 3,
  async prepare(context) {
    const requests = context.pick({ full: 12_000, quick: 5_000, smoke: IN_FLIGHT })
    const steady = context.pick({ full: 900, quick: 600, smoke: IN_FLIGHT })
    const stores = await openStores(context)
    const ours = await openOurs(context, stores, CONCURRENCY)
    const perStep = await openPerStep(context, stores, CONCURRENCY)
    const send = await openLoad(context)
    const fewer = Math.max(IN_FLIGHT, Math.ceil(requests / 3))
    return [settlementSide(ours, send, requests, steady), settlementSide(perStep, send, fewer, steady)]
  },
}

function settlementSide(system: PaymentSystem, send: Send, requests: number, steady: number): Side {
  const { name, setting } = system
  return {
    name,
    setting,
    async run() {
      const { rate, p99 } = await settle(system, send, requests, {})
      const paced = await settle(system, send, steady, { rate: STEADY })
      return { rate, p99, steadyP99: paced.p99 }
    },
  }
}

async function settle(
  { url, counts, durations }: PaymentSystem,
  send: Send,
  requests: number,
  pace: { readonly rate?: number },
): Promise<{ rate: number; p99: number }> {
  const before = (await counts()).ended
  const begun = performance.now()
  await send({ url: `${url}/pay`, method: 'POST', requests, inFlight: IN_FLIGHT, ...pace })
  await reach(requests, async () => (await counts()).ended - before)
  const seconds = (performance.now() - begun) / 1_000
  return { rate: requests / seconds, p99: quantile(await durations(requests), 0.99) }
}
