import type { Database, Gateway } from '@titan/payments'
import { Hono, type Context } from 'hono'
import { compress } from 'hono/compress'
import { createAccess, type Authorize, type DashboardEnv } from './access.ts'
import { mountActs } from './acts.ts'
import { createAudited, type Act, type Actor } from './audit.ts'
import { loadAssets } from './assets.ts'
import { Cache } from './cache.ts'
import { refusalPage } from './pages/sign-in.ts'
import { pathTo } from './paths.ts'
import type { ObservedQueue } from './queues.ts'
import { Reads } from './reads.ts'
import { Refusal } from './refusal.ts'
import { createRenderer } from './render.ts'
import { RefusedSignIns, type RefusedReport } from './refused-sign-ins.ts'
import { Sampler } from './sampler.ts'
import { mountSignIn } from './sign-in.ts'
import { answerStaticFile } from './static-file.ts'
import { mountViews } from './views.ts'

/** Options of {@link createDashboard}. */
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
  /** Looks up open attempts of parked payments. @default the dashboard cannot look up */
  readonly gateway?: Pick<Gateway, 'name' | 'lookup'> | undefined
  /** Receives failures that are not the caller's. */
  readonly onError: (error: unknown) => void
  /** Milliseconds between two points of the charts. @default 5000, which makes an hour of them */
  readonly sampleIntervalMs?: number
}

/** The dashboard: an application to be mounted at {@link DASHBOARD_PATH}, and the sampling behind its charts. */
export interface Dashboard {
  readonly app: Hono<DashboardEnv>
  /** Begins to collect the points of the charts. Idempotent. */
  start(): void
  /** Ends that. Idempotent. */
  stop(): Promise<void>
}

/**
 * Creates the dashboard.
 *
 * @example
 * const dashboard = createDashboard({ sql, queues: [{ queue, inspector }], adminToken, onError })
 * api.route(DASHBOARD_PATH, dashboard.app)
 * dashboard.start()
 */
export function createDashboard(given: DashboardOptions): Dashboard {
  const { sql, queues, adminToken, authorize, gateway, onError, sampleIntervalMs = 5_000 } = given
  const { networkOf = () => '', isBehindProxy = false, onRefusedSignIns } = given
  const cache = new Cache()
  const reads = new Reads(sql, cache)
  const sampler = new Sampler(sql, queues[0].queue, sampleIntervalMs)
  const audited = createAudited(sql)
  const access = createAccess({ sql, audited, adminToken, authorize, isBehindProxy })
  const assets = loadAssets()
  const renderer = createRenderer({ assets, reads, queues, isOpen: authorize === undefined })
  const app = new Hono<DashboardEnv>()

  app.onError(async (error, context) => {
    const isRefusal = error instanceof Refusal
    if (!isRefusal || error.status === 503) onError(error)
    const status = isRefusal ? error.status : 503
    if (status === 401 && context.req.header('accept')?.includes('text/html') === true)
      return context.redirect(pathTo(['sign-in']), 303)
    const title = TITLES[status]
    const text = isRefusal
      ? `${error.message}.`.replace(/\.\.$/, '.')
      : 'A store does not respond, or an internal error occurred. Try again later.'
    return renderer.render(context, {
      section: 'sign-in',
      title,
      content: refusalPage(title, text),
      isLive: false,
      status,
    })
  })

  app.use(compress(), async (context, next) => {
    context.header('content-security-policy', renderer.policy)
    context.header('x-frame-options', 'DENY')
    context.header('referrer-policy', 'same-origin')
    context.header('cache-control', 'no-store')
    checkCharacters(new URL(context.req.url))
    await next()
  })

  app.get('/assets/:version/:name', (context) => {
    const asset = assets.find(context.req.param('name'))
    if (asset === undefined) throw new Refusal(404, 'There is no such file')
    const isCurrent = context.req.param('version') === assets.version
    return answerStaticFile(context, asset, isCurrent ? 'immutable' : 'revalidate')
  })

  const refused = new RefusedSignIns(async (report) => {
    onRefusedSignIns?.(report)
    await audited(recordOf(report), async () => `refused: ${report.count}`).catch(onError)
  })
  mountSignIn(app, { access, renderer, networkOf, refused })

  app.use(access.recognise)
  mountViews(app, { access, reads, queues, sampler, renderer, lookUpGateway: gateway?.name })
  mountActs(app, { sql, audited, queues, access, cache, gateway })
  app.get('/*', (context) => {
    const { pathname } = new URL(context.req.url)
    const path = pathname.replace(/\/+$/, '')
    if (path !== pathname) return context.redirect(path, 301)
    throw new Refusal(404, 'There is no such page')
  })

  return {
    app,
    start: () => sampler.start(),
    async stop() {
      await Promise.all([sampler.stop(), refused.stop()])
    },
  }
}

/** Refused sign-ins as one row of the audit record. The name that was typed is not part of it: anyone can type any. */
function recordOf({ network }: RefusedReport): Act {
  const target = network === '' ? 'dashboard' : `dashboard, from ${network}`
  return { ...STRANGER, action: 'sign-in', target, note: '' }
}

const STRANGER: Actor = { operator: '(unknown)', credential: 'none', isProven: false }

/** A path or a search with control characters means nothing here: PostgreSQL and headers refuse them. */
function checkCharacters({ pathname, search }: URL): void {
  if (CONTROL_CHARACTER.test(pathname)) throw new Refusal(404, 'There is no such page')
  if (CONTROL_CHARACTER.test(search)) throw new Refusal(400, 'This search contains a control character')
}

const CONTROL_CHARACTER = /%(?:[01][\da-f]|7f)/i

const TITLES: Readonly<Record<Refusal['status'], string>> = {
  400: 'Bad request',
  401: 'Sign in first',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  422: 'Incomplete',
  429: 'Too many attempts',
  503: 'Unavailable',
}
