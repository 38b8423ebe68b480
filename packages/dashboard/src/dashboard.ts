import type { Database } from '@titan/payments'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import * as v from 'valibot'
import { createAccess, type Authorize, type DashboardEnv } from './access.ts'
import { mountActs } from './acts.ts'
import { loadAssets } from './assets.ts'
import { createCache } from './cache.ts'
import { credentials, refusalPage, signInPage } from './pages/sign-in.ts'
import { pathTo } from './paths.ts'
import type { ObservedQueue } from './queues.ts'
import { createReads } from './reads.ts'
import { Refusal } from './refusal.ts'
import { createRenderer } from './render.ts'
import { createSampler } from './sampler.ts'
import { mountViews } from './views.ts'

/** What the dashboard works with. */
export interface DashboardOptions {
  /** A small pool of its own, so that no search of a person makes payments wait. */
  readonly sql: Database
  /** The queues to show; the charts are of the first. */
  readonly queues: readonly [ObservedQueue, ...ObservedQueue[]]
  /** Who knows it may act. Undefined: nobody may. */
  readonly adminToken: string | undefined
  /** Who may see. @default everybody who can reach it */
  readonly authorize?: Authorize | undefined
  /** Told of failures that are not the caller's. */
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

/** What is read is shared between viewers for so long, in milliseconds. */
const FRESH_MS = 1_000
/** A store that does not answer within this is shown as away, in milliseconds. */
const WAIT_MS = 3_000

/**
 * Creates the dashboard.
 *
 * @example
 * const dashboard = createDashboard({ sql, queues: [{ queue, inspector }], adminToken, onError })
 * api.route(DASHBOARD_PATH, dashboard.app)
 * dashboard.start()
 */
export function createDashboard(given: DashboardOptions): Dashboard {
  const { sql, queues, adminToken, authorize, onError, sampleIntervalMs = 5_000 } = given
  const cache = createCache({ freshMs: FRESH_MS, waitMs: WAIT_MS })
  const reads = createReads(sql, cache)
  const sampler = createSampler({ sql, queue: queues[0].queue, intervalMs: sampleIntervalMs })
  const access = createAccess(adminToken, authorize)
  const assets = loadAssets()
  const renderer = createRenderer({ access, assets, reads, queues })
  const app = new Hono<DashboardEnv>()

  app.onError(async (error, context) => {
    const isRefusal = error instanceof Refusal
    if (!isRefusal) onError(error)
    const status = isRefusal ? error.status : 503
    if (status === 401 && context.req.header('accept')?.includes('text/html') === true)
      return context.redirect(pathTo(['sign-in']), 303)
    const title = TITLES[status]
    const text = isRefusal
      ? `${error.message}.`.replace(/\.\.$/, '.')
      : 'A store does not answer, or something broke here. Try again in a moment.'
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
    await next()
  })

  app.get('/assets/:version/:name', (context) => {
    const asset = assets.find(context.req.param('name'))
    if (asset === undefined) throw new Refusal(404, 'There is no such file')
    const isCurrent = context.req.param('version') === assets.version
    context.header('cache-control', isCurrent ? 'public, max-age=31536000, immutable' : 'no-store')
    return context.body(asset.body, 200, { 'content-type': asset.type })
  })

  app.get('/sign-in', (context) =>
    renderer.render(context, {
      section: 'sign-in',
      title: 'Sign in',
      content: signInPage({ canSignIn: access.canSignIn }),
      isLive: false,
    }),
  )

  app.post('/sign-in', access.guardOrigin, async (context) => {
    const given = v.safeParse(credentials, await context.req.parseBody())
    const role = given.success
      ? await access.signIn(context, given.output.name, given.output.secret)
      : undefined
    if (role !== undefined) return context.redirect(pathTo([], { done: 'signed-in' }), 303)
    const problem = given.success ? 'This token is not known.' : given.issues[0].message
    const content = signInPage({ canSignIn: access.canSignIn, problem })
    return renderer.render(context, {
      section: 'sign-in',
      title: 'Sign in',
      content,
      isLive: false,
      status: 403,
    })
  })

  app.post('/sign-out', access.guardOrigin, (context) => {
    access.signOut(context)
    return context.redirect(pathTo([], { done: 'signed-out' }), 303)
  })

  app.use(access.recognise)
  mountViews(app, { reads, queues, sampler, renderer })
  mountActs(app, { sql, queues, access, cache })
  app.get('/*', (context) => {
    const path = context.req.path.replace(/\/+$/, '')
    if (path !== context.req.path) return context.redirect(path, 301)
    throw new Refusal(404, 'There is no such page')
  })

  return { app, start: sampler.start, stop: sampler.stop }
}

const TITLES: Readonly<Record<Refusal['status'], string>> = {
  400: 'Not understood',
  401: 'Sign in first',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Too late',
  422: 'Not complete',
  503: 'Not available',
}
