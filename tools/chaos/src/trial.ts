import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase, type Database } from '@titan/payments'
import type { RedisClient } from '@titan/queue-core'
import { createLog, createRedis } from '@titan/service'
import { createAccounts } from './accounts.ts'
import { Clients } from './clients.ts'
import { startFleet, type Fleet, type FleetOptions } from './fleet.ts'
import { judge } from './judge.ts'
import { waitUntilQuiet } from './quiet.ts'

/** What every run against a fleet is given. */
export interface TrialOptions {
  readonly payments: number
  /** For how long payments are sent and the fleet is disturbed, in milliseconds. */
  readonly durationMs: number
  readonly seed: number
  /** How long the system may take to become quiet afterwards, in milliseconds. */
  readonly quietWithinMs: number
  /** Checkout of another version, which runs the second API and the second worker. @default none */
  readonly previous?: string | undefined
  /** Whether clients also refund, capture and void. @default false */
  readonly moves?: boolean | undefined
}

/** A fleet under the load of clients. */
export interface Trial {
  readonly fleet: Fleet
  readonly clients: Clients
  readonly folder: string
}

/** The stores of a fleet, past the proxies. */
export interface Stores {
  readonly sql: Database
  readonly redis: RedisClient
  /** Partitions of the payments' queue. */
  readonly partitions: number
}

/**
 * Starts everything, disturbs it while clients pay, waits until the system is quiet, and judges what is left. `disturb`
 * happens before the stores are opened, which it may end; `observe` afterwards, while the clients still wait for responses.
 */
export async function runTrial(
  options: TrialOptions & Partial<FleetOptions>,
  steps: {
    disturb?(trial: Trial): Promise<void>
    observe?(trial: Trial, stores: Stores): Promise<void>
    /** Called when the system is quiet; returns further breaches. */
    inspect?(trial: Trial, stores: Stores): Promise<readonly string[]>
  },
) {
  const { seed, payments, quietWithinMs } = options
  const folder = await mkdtemp(join(tmpdir(), 'titan-chaos-'))
  const fleet = await startFleet(folder, options)
  const giveUp = new AbortController()
  try {
    const urls = fleet.apiUrls
    // The API of another version may not know how to refund; an upgrade is from one that does.
    const isMixed = options.previous !== undefined && options.isUpgraded !== true
    const moverUrls = isMixed ? urls.slice(0, 1) : urls
    const accounts = await withStores(fleet, async ({ sql }) => {
      if (fleet.gateways.length > 1) await routeToSecond(sql)
      return createAccounts(sql, options.accounts ?? 1)
    })
    const currencies = fleet.gateways.length > 1 ? ['USD', SECOND_CURRENCY] : undefined
    const clients = new Clients({ ...options, accounts, currencies, urls, moverUrls })
    const trial: Trial = { fleet, clients, folder }
    const paying = clients.run(giveUp.signal)
    await steps.disturb?.(trial)
    return await withStores(fleet, async (stores) => {
      await steps.observe?.(trial, stores)
      const from = performance.now()
      const isQuiet = await waitUntilQuiet({ ...stores, paying, withinMs: quietWithinMs })
      const quietAfterMs = isQuiet ? Math.round(performance.now() - from) : undefined
      giveUp.abort()
      await paying
      const found = [
        ...((await steps.inspect?.(trial, stores)) ?? []),
        ...((await fleet.stores.postgres.inspect?.()) ?? []),
      ]
      const ledgerPaths = fleet.gateways.map(({ ledgerPath }) => ledgerPath)
      const { accepted, movers } = clients
      const verdict = await judge({ ...stores, ledgerPaths, accepted, moves: movers.accepted })
      const unanswered = payments - clients.counts.answered
      const breaches = [
        ...(isQuiet ? [] : [`not quiet within ${quietWithinMs / 1_000} s after the last fault`]),
        ...(unanswered === 0 ? [] : [`${unanswered} payments were never answered`]),
        ...[...fleet.programs].flatMap(([id, { crashes }]) =>
          crashes.map((crash) => `${id} ended by itself: ${crash}`),
        ),
        ...found,
        ...clients.breaches,
        ...movers.breaches,
        ...verdict.breaches,
      ]
      // With breaches the data is kept, to investigate them.
      // PostgreSQL still runs, and may write a file meanwhile.
      if (breaches.length === 0) await rm(folder, { recursive: true, force: true, maxRetries: 10 })
      const counts = { clients: clients.counts, moves: movers.counts }
      return { ...verdict, ...counts, seed, quietAfterMs, breaches, folder }
    })
  } finally {
    giveUp.abort()
    await fleet.close()
  }
}

/** Payments in it prefer the second gateway, all others the first one. */
const SECOND_CURRENCY = 'EUR'

async function routeToSecond(sql: Database): Promise<void> {
  await sql`
    insert into routing_rules (rank, currency, gateways) values (1, ${SECOND_CURRENCY}, array['second', 'stripe'])`
}

const CONNECT_WITHIN_MS = 30_000

/** Opens ways to both servers of a fleet past the proxies, for as long as the work takes. */
export async function withStores<Value>(
  { stores }: Pick<Fleet, 'stores'>,
  work: (opened: Stores) => Promise<Value>,
): Promise<Value> {
  const sql = openDatabase(await stores.postgres.url(), {
    poolSize: 2,
    keyedPlans: false,
    statementTimeoutMs: 0,
  })
  const log = createLog('chaos', { logLevel: 'error', logFormat: 'auto' })
  const redis = createRedis(await stores.redis.url(), log)
  try {
    await redis.connect(CONNECT_WITHIN_MS)
    return await work({ sql, redis: redis.client, partitions: stores.redis.partitions })
  } finally {
    redis.close()
    await sql.end({ timeout: 1 })
  }
}
