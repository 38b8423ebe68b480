import type { Database, Gateway } from '@titan/payments'
import type { Context } from 'hono'
import { Access, type Authorize, type DashboardEnv } from './access/access.ts'
import type { RefusedReport } from './access/sign-in-limit.ts'
import { createAudited } from './audit.ts'
import { Cache } from './reads/cache.ts'
import { Reads, type ObservedQueue } from './reads/reads.ts'
import { Sampler } from './reads/sampler.ts'
import { Renderer } from './web/render.ts'
import { loadAssets } from './web/static-file.ts'

/** Options of the dashboard. */
export interface DashboardOptions {
  /** A small separate pool, so that no search by a person delays payments. */
  readonly sql: Database
  /** The queues to show; the charts are of the first. */
  readonly queues: readonly [ObservedQueue, ...ObservedQueue[]]
  /** A token that operators share. Undefined: only operators with their own token may act. */
  readonly adminToken: string | undefined
  /** Who may see. @default everyone who can reach it */
  readonly authorize?: Authorize | undefined
  /** Finds the network that a request comes from, for the limit of failed sign-ins. @default one network */
  readonly networkOf?: (context: Context) => string
  /** Whether a proxy in front writes `X-Forwarded-Host`. @default false */
  readonly isBehindProxy?: boolean
  /** Receives refused sign-ins: the first at once, those that follow once a minute. */
  readonly onRefusedSignIns?: (refused: RefusedReport) => void
  /** Those at which open attempts of parked payments are looked up. @default the dashboard cannot look up */
  readonly gateways?: { get(name: string): Pick<Gateway, 'name' | 'lookup'> | undefined } | undefined
  /** Gateways that can do no captures, voids and refunds. @default none */
  readonly unmovable?: readonly string[] | undefined
  /** Receives failures that are not the caller's. */
  readonly onError: (error: unknown) => void
  /** Milliseconds between two points of the charts. @default 5000, which makes an hour of them */
  readonly sampleIntervalMs?: number
}

/** What the routes of the dashboard work with. */
export type Services = ReturnType<typeof createServices>

/** Creates what the routes share. */
export function createServices(options: DashboardOptions) {
  const { sql, queues, adminToken, authorize, gateways, unmovable, isBehindProxy = false } = options
  const cache = new Cache()
  const ofAll = new Reads(sql, cache)
  const readsOf = (context: Context<DashboardEnv>): Reads => {
    const account = context.get('account')
    return account === undefined ? ofAll : new Reads(sql, cache, account)
  }
  const audited = createAudited(sql)
  const assets = loadAssets()
  return {
    sql,
    queues,
    gateways,
    unmovable,
    cache,
    /** What the caller may read. */
    readsOf,
    audited,
    assets,
    sampler: new Sampler(sql, queues[0].queue, options.sampleIntervalMs ?? 5_000),
    access: new Access({ sql, audited, adminToken, authorize, isBehindProxy }),
    renderer: new Renderer({ assets, readsOf, queues, isOpen: authorize === undefined }),
  }
}
