import { expect, test } from 'vitest'
import { createTitanClient } from '../src/index.ts'
import { startApi } from './support/api.ts'
import { FAULT_KINDS, openFaultProxy, type Fault } from './support/faults.ts'

const { url, apiKey, sql } = await startApi()
const SEEDS = Array.from({ length: 50 }, (_, index) => index + 1)
/** Seeds that run at a time. */
const LANES = 10

// There is no half of a response that does not exist yet.
const FAULTS: readonly Fault[] = FAULT_KINDS.flatMap((kind) =>
  /half|slow/.test(kind)
    ? [{ at: 'response', kind }]
    : [
        { at: 'request', kind },
        { at: 'response', kind },
      ],
)

/** Draws one to three faults; the first ones of all seeds have every fault among them. */
function scriptOf(seed: number): Fault[] {
  return Array.from(
    { length: 1 + (seed % 3) },
    (_, step) => FAULTS[(seed + step * 11) % FAULTS.length] as Fault,
  )
}

/** Pays through the faults of a seed, and once more with the same key. */
async function payThrough(seed: number): Promise<string> {
  const script = scriptOf(seed)
  const baseUrl = await openFaultProxy(url, script)
  const client = createTitanClient({ baseUrl, apiKey, timeoutMs: 3_000, maxRetries: 20 })
  const given = seed % 2 === 0 ? { idempotency_key: `seed-${seed}` } : {}
  const { payment_id: id, idempotency_key: key, ...paid } = await client.pay({ amount: seed, ...given })
  expect(paid).toMatchObject({ amount: seed, currency: 'USD', status: 'PENDING' })
  const replay = await client.pay({ amount: seed, idempotency_key: key })
  expect(replay).toMatchObject({ payment_id: id, idempotent_replayed: true })
  while (script.length > 0) expect((await client.payments.get(id)).amount).toBe(seed)
  return id
}

// F281 requests and responses that break, stall, are cut, or are replaced by errors and pages: each call ends with its one payment
test(
  '50 seeds of faults: every client ends with the one payment that is stored',
  { timeout: 180_000 },
  async () => {
    const ids = new Map<number, string>()
    const left = [...SEEDS]
    async function runLane(): Promise<void> {
      for (let seed = left.shift(); seed !== undefined; seed = left.shift())
        ids.set(seed, await payThrough(seed))
    }
    await Promise.all(Array.from({ length: LANES }, runLane))

    const stored = await sql<
      { amount: number; id: string }[]
    >`select amount::int, id from payments order by amount`
    expect(stored.map(({ amount, id }) => [amount, id])).toEqual(SEEDS.map((seed) => [seed, ids.get(seed)]))
  },
)
