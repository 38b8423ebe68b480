import type { HttpCounts } from '@titan/telemetry'
import type { PaymentStore } from '@titan/payments'
import type { Log } from '@titan/service'
import { DASHBOARD_PATH, type Audited, type Dashboard } from '@titan/dashboard'
import type { WebhookStore } from '@titan/webhooks'
import { Hono } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { controlAccess, limitPages, type AccessOptions } from './middleware/access.ts'
import type { Lists } from './lists.ts'
import { answerError, answerProblem, frameRequests, limitRequests, type AppEnv } from './middleware/frame.ts'
import { limitBodies } from './http/body.ts'
import { guardOpenMode } from './middleware/open-mode.ts'
import { Problem } from './problem.ts'
import { requestMetrics } from './middleware/request-metrics.ts'
import { createRequestSlots, type RequestSlots } from './middleware/request-slots.ts'
import { requestTraces } from './middleware/request-traces.ts'
import { mountDocs } from './routes/docs.ts'
import { mountGatewayWebhooks, type GatewayWebhookDependencies } from './routes/gateway-webhooks.ts'
import { mountHealth, type Probes } from './routes/health.ts'
import { mountList } from './routes/list.ts'
import { mountPayments, type PaymentDependencies } from './routes/payments.ts'
import { mountProblems } from './routes/problems.ts'
import { mountWebhooks } from './routes/webhook-endpoints.ts'

/** What the API works with. */
export interface AppDependencies extends PaymentDependencies {
  readonly payments: PaymentStore
  /** The gateways whose webhooks are taken, and what a decline in one means. @default none */
  readonly gatewayWebhooks?: Pick<GatewayWebhookDependencies, 'gateways' | 'policy'>
  readonly probes: Probes
  /** Who may call, and how often. @default everybody, without a limit */
  readonly access?: AccessOptions
  /** The operator's pages. @default none */
  readonly dashboard?: Dashboard['app']
  /** Undefined: outgoing webhooks are not set up. */
  readonly webhooks: WebhookStore | undefined
  /** Records changes of webhook endpoints. @default they are not recorded */
  readonly audited?: Audited
  /** What reads lists. @default the stores, over the connections that accept payments */
  readonly lists?: Lists
  readonly log: Log
  /** Told of every request. @default none is counted */
  readonly http?: HttpCounts
  /** Longest a request may take before it is answered 503, in milliseconds. @default 10000 */
  readonly requestTimeoutMs?: number
  /** One slot per request in flight; without a free one a request is answered 503 at once. @default 1000 slots */
  readonly slots?: RequestSlots
}

const DEFAULT_SLOTS = 1_000

/**
 * Creates the HTTP application: a function from Request to Response, without a socket.
 *
 * @example
 * const app = createApp({ payments: createPaymentStore(sql), relay, probes, log })
 * const response = await app.request('/healthz')
 */
export function createApp(dependencies: AppDependencies): Hono<AppEnv> {
  const { log, probes, requestTimeoutMs = 10_000, access = {} } = dependencies
  const slots = dependencies.slots ?? createRequestSlots(DEFAULT_SLOTS)
  const app = new Hono<AppEnv>()
  app.onError(answerError(log))
  app.notFound((context) => answerProblem(new Problem('not-found'), context))

  if (dependencies.http !== undefined) app.use(requestMetrics(dependencies.http))
  app.use(requestTraces(), frameRequests({ log, isDraining: probes.isDraining }))
  mountHealth(app, probes, slots)
  mountProblems(app)
  guardPages(app, access)

  app.use(
    limitRequests({ timeoutMs: requestTimeoutMs, slots, onRefused: dependencies.http?.refused }),
    limitBodies,
  )
  mountDocs(app, { needsKey: access.authenticator !== undefined, isLimited: access.limiter !== undefined })
  const { payments, gatewayWebhooks } = dependencies
  if (gatewayWebhooks !== undefined) mountGatewayWebhooks(app, { payments, log, ...gatewayWebhooks })
  // Before the access of programs: people sign in there.
  if (dependencies.dashboard !== undefined) app.route(DASHBOARD_PATH, dependencies.dashboard)
  if (access.authenticator !== undefined || access.limiter !== undefined) app.use(controlAccess(access))
  mountPayments(app, dependencies)
  mountList(app, dependencies.lists ?? payments)
  mountWebhooks(app, dependencies.webhooks, { audited: dependencies.audited, lists: dependencies.lists })
  // Last, so that only what no route has answered comes here.
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed(context, methods) {
        return answerProblem(
          new Problem('method-not-allowed', { headers: { allow: methods.join(', ') } }),
          context,
        )
      },
    }),
  )
  return app
}

/** What comes before everything that people load: open mode is for this machine, and pages are limited by network. */
function guardPages(app: Hono<AppEnv>, access: AccessOptions): void {
  if (access.authenticator === undefined)
    app.use(guardOpenMode({ ...access, signedPaths: ['/gateway-webhooks/'] }))
  if (access.limiter !== undefined)
    for (const path of ['/openapi.json', '/docs/*', `${DASHBOARD_PATH}/*`]) app.use(path, limitPages(access))
}
