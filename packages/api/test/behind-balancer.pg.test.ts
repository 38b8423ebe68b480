import { setTimeout as pause } from 'node:timers/promises'
import { findFreePort } from '@titan/servers'
import { eventually, killSpawned, spawnProgram, testPrefix, type SpawnedProgram } from '@titan/testkit'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { startBalancer } from './support/balancer.ts'

const PATIENT = { timeoutMs: 60_000 }
const CHECKS = { everyMs: 100, fall: 2 }
const { sql, url: databaseUrl } = await createMigratedDatabase()
const ports = [await findFreePort(), await findFreePort()]
const urls = ports.map((port) => `http://127.0.0.1:${port}`)
const apis: SpawnedProgram[] = []

async function start(index: number): Promise<void> {
  const program = spawnProgram('api', ['--port', String(ports[index])], {
    DATABASE_URL: databaseUrl,
    REDIS_URL: inject('redisUrl'),
    QUEUE_PREFIX: testPrefix(),
    // Several times what the balancer needs, however busy the machine is.
    DRAIN_MS: '1500',
  })
  await program.waitFor(/listens/)
  apis[index] = program
}

let balancer: Awaited<ReturnType<typeof startBalancer>>
beforeAll(async () => {
  await Promise.all([start(0), start(1)])
  balancer = await startBalancer(urls, CHECKS)
  await eventually(() => expect(balancer.up()).toEqual(urls), PATIENT)
}, 120_000)
afterAll(async () => {
  await balancer.close()
  await killSpawned()
})

/** Sends one payment; returns the status, or 0 when there was no response in time. */
async function pay(key: string, timeoutMs: number): Promise<number> {
  const body = JSON.stringify({ amount: 500, idempotency_key: key })
  const headers = { 'content-type': 'application/json' }
  const signal = AbortSignal.timeout(timeoutMs)
  return fetch(`${balancer.url}/pay`, { method: 'POST', headers, body, signal }).then(
    async (response) => (await response.text()) && response.status,
    () => 0,
  ) as Promise<number>
}

/** Runs eight clients, each with one payment after the other, while `disturb` runs; resolves with their keys and failures. */
async function underLoad(name: string, send: (key: string) => Promise<number>, disturb: () => Promise<void>) {
  const keys: string[] = []
  const failures: number[] = []
  let isOver = false
  const client = async (): Promise<void> => {
    while (!isOver) {
      const key = `${name}-${keys.length}`
      keys.push(key)
      const status = await send(key)
      if (status !== 202) failures.push(status)
      await pause(5)
    }
  }
  const clients = Array.from({ length: 8 }, client)
  await disturb().finally(() => {
    isOver = true
  })
  await Promise.all(clients)
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from payments where idempotency_key = any(${keys})`
  return { keys: keys.length, failures, payments: row?.count }
}

// F301 an API is stopped under load behind a load balancer that checks /readyz: it serves on until the balancer
//  sends elsewhere, and no request fails
test('rolling restarts behind a load balancer fail no request', { timeout: 120_000 }, async () => {
  const result = await underLoad(
    'roll',
    (key) => pay(key, 30_000),
    async () => {
      for (const index of [0, 1]) {
        apis[index]?.process.kill('SIGTERM')
        expect(await apis[index]?.exited).toEqual({ code: 0, signal: null })
        await start(index)
        await eventually(() => expect(balancer.up()).toEqual(urls), PATIENT)
      }
    },
  )
  expect(result.failures).toEqual([])
  expect(result.payments).toBe(result.keys)
})

// F302 an API freezes, then dies, under load: clients that repeat under the same key get one payment each
test(
  'a client that repeats its key while an API is frozen or dies pays once',
  { timeout: 120_000 },
  async () => {
    const untilAccepted = async (key: string): Promise<number> => {
      for (;;) if ((await pay(key, 1_000)) === 202) return 202
    }
    const frozen = apis[0]?.process
    const result = await underLoad('repeat', untilAccepted, async () => {
      frozen?.kill('SIGSTOP')
      await eventually(() => expect(balancer.up()).toEqual([urls[1]]), PATIENT)
      frozen?.kill('SIGCONT')
      await eventually(() => expect(balancer.up()).toEqual(urls), PATIENT)
      await apis[1]?.kill()
      await eventually(() => expect(balancer.up()).toEqual([urls[0]]), PATIENT)
    })
    expect(result.failures).toEqual([])
    expect(result.payments).toBe(result.keys)
  },
)
