import { Hono, type Context, type MiddlewareHandler } from 'hono'
import { compress } from 'hono/compress'
import type { DashboardEnv } from './access/access.ts'
import { RefusedSignIns, type RefusedReport } from './access/sign-in-limit.ts'
import { mountSignIn } from './access/sign-in.ts'
import { mountActs, mounterOf } from './acts.ts'
import type { Act } from './audit.ts'
import { refusalPage } from './pages/sign-in.ts'
import { createServices, type DashboardOptions } from './services.ts'
import { mountMovementActs } from './movement-acts.ts'
import { mountOperatorViews, mountViews } from './views.ts'
import { pathTo } from './web/paths.ts'
import { Refusal } from './web/refusal.ts'
import { mountWebhookActs } from './webhook-acts.ts'
import type { Renderer } from './web/render.ts'
import { answerStaticFile } from './web/static-file.ts'

/** The dashboard, to be mounted at {@link DASHBOARD_PATH}. */
export type Dashboard = ReturnType<typeof createDashboard>

/**
 * Creates the dashboard.
 *
 * @example
 * const dashboard = createDashboard({ sql, queues: [{ queue, inspector }], adminToken, onError })
 * api.route(DASHBOARD_PATH, dashboard.app)
 * dashboard.start()
 */
export function createDashboard(options: DashboardOptions) {
  const { networkOf = () => '', onRefusedSignIns, onError } = options
  const services = createServices(options)
  const { access, assets, audited, renderer, sampler } = services
  const refused = new RefusedSignIns(async (report) => {
    onRefusedSignIns?.(report)
    await audited(recordOf(report), async () => `refused: ${report.count}`).catch(onError)
  })
  const app = new Hono<DashboardEnv>()
  app.onError((error, context) => answerFailure(error, context, renderer, onError))
  app.use(compress(), async (context, next) => {
    context.header('content-security-policy', renderer.policy)
    context.header('x-frame-options', 'DENY')
    context.header('referrer-policy', 'same-origin')
    context.header('cache-control', 'no-store')
    checkCharacters(new URL(context.req.url))
    await next()
  })
  app.get('/assets/:version/:name', (context) => {
    const asset = assets.files.get(context.req.param('name'))
    if (asset === undefined) throw new Refusal(404, 'There is no such file')
    const isCurrent = context.req.param('version') === assets.version
    return answerStaticFile(context, asset, isCurrent ? 'immutable' : 'revalidate')
  })
  mountSignIn(app, services, networkOf, refused)
  app.use(access.recognise, withoutTrailingSlash)
  mountViews(app, services)
  mountMovementActs(mounterOf(app, services), services)
  mountWebhookActs(mounterOf(app, services), services)
  // What is mounted from here on does not exist for the keys of accounts.
  app.use(access.guardOperators)
  mountOperatorViews(app, services)
  mountActs(app, services)
  app.get('/*', () => {
    throw new Refusal(404, 'There is no such page')
  })
  return {
    app,
    /** Begins to collect the points of the charts. Idempotent. */
    start: () => sampler.start(),
    /** Ends that, and reports what was counted. Idempotent. */
    async stop(): Promise<void> {
      await Promise.all([sampler.stop(), refused.stop()])
    },
  }
}

const withoutTrailingSlash: MiddlewareHandler = async (context, next) => {
  const { pathname } = new URL(context.req.url)
  const path = pathname.replace(/\/+$/, '')
  if (path !== pathname && ['GET', 'HEAD'].includes(context.req.method)) return context.redirect(path, 301)
  return next()
}

/** Refused sign-ins as one row of the audit record. The name that was typed is not part of it: anyone can type any. */
function recordOf({ network }: RefusedReport): Act {
  const target = network === '' ? 'dashboard' : `dashboard, from ${network}`
  return { operator: '(unknown)', credential: 'none', isProven: false, action: 'sign-in', target, note: '' }
}

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

/** Answers a request that was refused or failed with a page that says why. */
async function answerFailure(
  error: Error,
  context: Context<DashboardEnv>,
  renderer: Renderer,
  onError: DashboardOptions['onError'],
): Promise<Response> {
  const refusal = error instanceof Refusal ? error : undefined
  const status = refusal?.status ?? 503
  if (status === 503) onError(error)
  if (status === 401 && context.req.header('accept')?.includes('text/html') === true)
    return context.redirect(pathTo(['sign-in']), 303)
  const text = refusal?.message ?? 'A store does not respond, or an internal error occurred. Try again later'
  const content = refusalPage(TITLES[status], `${text}.`.replace(/\.\.$/, '.'))
  return renderer.render(
    context,
    { section: 'sign-in', title: TITLES[status], content, isLive: false },
    status,
  )
}
