import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { supervise, type Supervisor } from './supervisor.ts'
import type { LogEntry, ProgramOptions } from './program.ts'
import { linksOf, PROGRAMS, type ProgramId } from './kinds.ts'
import { startGatewaysIn } from './servers.ts'
import { stepLogIn } from './step-log.ts'
import { startStores } from './stores/start.ts'
import type { Topology } from './stores/store.ts'
import { startTcpProxy, type TcpProxy } from '@titan/testkit'

/** The whole system: servers, programs, and a proxy on each connection to a server that stands alone. */
export type Fleet = Awaited<ReturnType<typeof startFleet>>

/** What the gateway does with most charges and with some, by weight. */
const WEIGHTS = {
  ok: 70,
  'slow:300': 4,
  'decline:soft': 4,
  'decline:hard': 4,
  '500_before': 0.5,
  '500_after': 2,
  hang_before: 1,
  hang_after: 2,
  reset_before: 2,
  reset_after: 2,
  '429': 2,
  '503': 1,
  garbage: 1,
  html: 1,
  error_200: 0.5,
  wrong_amount: 0.5,
  'pending_then:ok': 1,
  'pending_then:decline:hard': 1,
  late_success: 1,
}

/** The retries that a payment may use up in this system. */
export const MAX_RETRIES = 5

/** Short times, so that minutes cover what takes hours in production. */
const SETTINGS = {
  STRIPE_SECRET_KEY: 'sk_test_titan',
  GATEWAY_TIMEOUT_MS: '4000',
  GATEWAY_RATE_PER_SECOND: '1000',
  GATEWAY_BREAKER_OPEN_MS: '500',
  GATEWAY_BREAKER_MAX_OPEN_MS: '2000',
  LEASE_MS: '6500',
  VISIBILITY_TIMEOUT_MS: '4000',
  RELAY_INTERVAL_MS: '300',
  RECONCILE_INTERVAL_MS: '1000',
  // A busy machine must not look like a gateway that fails; the circuit breaker is tested elsewhere.
  GATEWAY_BREAKER_MIN_CALLS: '20',
  GATEWAY_BREAKER_FAILURE_SHARE: '0.9',
  MAX_RETRIES: String(MAX_RETRIES),
  RETRY_BASE_MS: '100',
  RETRY_MAX_MS: '1000',
  RETRY_SOFT_DECLINES: 'true',
  SOFT_DECLINE_DELAY_MS: '200',
  REQUEST_TIMEOUT_MS: '8000',
  CONNECT_TIMEOUT_MS: '10000',
}

const POLICY = {
  configFaultDelayMs: 1_000,
  unknownDelaysMs: [200, 500, 1_000, 2_000, 3_000],
  maxResolves: 15,
  maxTakeovers: 30,
  pollDelaysMs: { customer: [300], capture: [1_000], gateway: [200, 500, 1_000] },
}

/** How to start a fleet. */
export interface FleetOptions {
  /** How PostgreSQL and Redis are set up. @default 'single' */
  readonly on?: Topology | undefined
  /** How many gateways there are, 1 or 2. @default 1 */
  readonly gateways?: number | undefined
  /** How many accounts pay; with several, API keys are required. @default 1 */
  readonly accounts?: number | undefined
  /** A gateway draws its answers by it. */
  readonly seed: number
  /** Shares of the gateway's answers. @default every kind of answer, most of them sound */
  readonly weights?: Readonly<Record<string, number>>
  /** More settings of the programs. @default none */
  readonly env?: Readonly<Record<string, string>>
  /** Whether the programs log the steps that their jobs pass. @default false */
  readonly logsSteps?: boolean
  /** Where the gateway keeps its ledger. @default the folder of the fleet */
  readonly gatewayFolder?: string
  /** Checkout of another version, which runs the second API and the second worker. @default none */
  readonly previous?: string | undefined
  /** Whether that checkout runs every program at first. @default false */
  readonly isUpgraded?: boolean | undefined
}

/** Starts everything with its data in the folder. */
export async function startFleet(folder: string, options: FleetOptions) {
  const { on = 'single', seed, weights = WEIGHTS, env, gatewayFolder = folder } = options
  const closers: (() => Promise<void>)[] = []
  /** How often each event was logged. */
  const logged = new Map<string, number>()
  const links = new Map<string, TcpProxy>()
  const programs = new Map<ProgramId, Supervisor>()

  /** Ends everything. Idempotent. */
  async function close(): Promise<void> {
    for (const closer of closers.splice(0).toReversed()) await closer()
  }

  function count({ event, repeated = 1 }: LogEntry): void {
    if (typeof event === 'string') logged.set(event, (logged.get(event) ?? 0) + Number(repeated))
  }

  try {
    const stores = await startStores(on, folder)
    closers.push(async () => void (await Promise.all([stores.postgres.stop(), stores.redis.stop()])))
    const answers = { weights, seed, drawBy: 'amount', laterMs: 300 } as const
    const gateways = await startGatewaysIn(gatewayFolder, options.gateways ?? 1, answers)
    closers.push(async () => void (await Promise.all(gateways.map((gateway) => gateway.stop()))))

    const targets: Targets = {
      postgres: stores.postgres.target,
      redis: stores.redis.target,
      gateway: gateways[0]?.port,
      second: gateways[1]?.port,
      'api-1': () => portOf(programs.get('api-1')),
      'api-2': () => portOf(programs.get('api-2')),
    }
    for (const link of linksOf({ on, gateways: gateways.length })) {
      const proxy = await startLink(link, targets)
      links.set(link, proxy)
      closers.push(() => proxy.close())
    }
    const portAt = (link: string): number => links.get(link)?.port ?? 0

    function optionsOf(id: ProgramId, checkout: string | undefined): ProgramOptions {
      return {
        ...commandOf(id),
        checkout,
        env: {
          ...settingsOf(folder, options),
          ...env,
          NODE_COMPILE_CACHE: join(folder, 'compiled'),
          DATABASE_URL: stores.postgres.urlAt(portAt(`${id}>postgres`)),
          QUEUE_PARTITIONS: String(stores.redis.partitions),
          REDIS_URL: stores.redis.urlAt(portAt(`${id}>redis`)),
          ...gatewaySettings(portAt(`${id}>gateway`), portAt(`${id}>second`)),
        },
        onLog: count,
      }
    }

    /** Restarts a program in good order, from this checkout or another one. */
    async function move(id: ProgramId, checkout: string | undefined): Promise<void> {
      await programs.get(id)?.restart(optionsOf(id, checkout))
    }

    for (const id of PROGRAMS) {
      const supervisor = supervise(optionsOf(id, firstCheckoutOf(id, options)))
      programs.set(id, supervisor)
      closers.push(() => supervisor.stop())
      // One after the other, because the first one creates the tables.
      await supervisor.current()?.ready
    }
    // Where the clients find the APIs, through their proxies.
    const apiUrls = PROGRAMS.filter((id) => id.startsWith('api')).map(
      (id) => `http://127.0.0.1:${portAt(`client>${id}`)}`,
    )
    return { stores, gateways, programs, links, apiUrls, logged, move, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The port of each server; undefined while it is down. */
type Targets = Readonly<Record<string, (() => number | undefined) | undefined>>

async function startLink(link: string, targets: Targets): Promise<TcpProxy> {
  const target = targets[link.split('>')[1] ?? '']
  if (target === undefined) throw new RangeError(`the link ${link} leads to no server`)
  return startTcpProxy(target)
}

/** Returns the checkout that a program starts from. */
function firstCheckoutOf(id: ProgramId, { previous, isUpgraded = false }: FleetOptions): string | undefined {
  return isUpgraded || id.endsWith('-2') ? previous : undefined
}

/** What the programs are set to. */
function settingsOf(
  folder: string,
  { logsSteps = false, accounts = 1 }: FleetOptions,
): Readonly<Record<string, string>> {
  return {
    ...SETTINGS,
    ...(accounts > 1 && { REQUIRE_API_KEY: 'true' }),
    CHAOS_POLICY: JSON.stringify(POLICY),
    ...(logsSteps && { CHAOS_STEP_LOG: stepLogIn(folder) }),
  }
}

const SECOND_MODULE = fileURLToPath(new URL('second-gateway.ts', import.meta.url))

/** Which gateways the programs have, and where; 0 for a gateway that does not exist. */
function gatewaySettings(port: number, secondPort: number): Readonly<Record<string, string>> {
  const first = { GATEWAY: 'stripe', STRIPE_API_BASE: `http://127.0.0.1:${port}` }
  if (secondPort === 0) return first
  return {
    ...first,
    GATEWAY: '',
    GATEWAYS: `stripe,${SECOND_MODULE}`,
    SECOND_API_BASE: `http://127.0.0.1:${secondPort}`,
  }
}

function commandOf(id: ProgramId): Pick<ProgramOptions, 'name' | 'args'> {
  if (id.startsWith('api')) return { name: 'api', args: ['--port', '0'] }
  return { name: 'worker', args: ['--consumer', id] }
}

function portOf(supervisor: Supervisor | undefined): number | undefined {
  const url = /http:\S+/.exec(supervisor?.readyLine() ?? '')?.[0]
  return url === undefined ? undefined : Number(new URL(url).port)
}
