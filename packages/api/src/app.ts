import type { HttpCounts } from '@titan/telemetry'
import type { PaymentStore } from '@titan/payments'
import type { Log } from '@titan/service'
import { DASHBOARD_PATH, type Audited, type Dashboard } from '@titan/dashboard'
import type { WebhookStore } from '@titan/webhooks'
import { Hono } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { limitBodies } from './http/body.ts'
import type { AppEnv } from './http/env.ts'
import { controlAccess, limitPages, type AccessOptions } from './middleware/access.ts'
import { frameRequests, respondError, respondProblem } from './middleware/frame.ts'
import { guardOpenMode } from './middleware/open-mode.ts'
import { requestMetrics, requestTraces } from './middleware/observe.ts'
import { limitRequests, RequestSlots } from './middleware/request-slots.ts'
import { Problem } from './problem.ts'
import { ACTION_ROUTE, type ActionServices } from './routes/actions.ts'
import { REPORT_ROUTES, type ReportServices } from './routes/bulk/export.ts'
import { DOCS_ROUTES, prepareDocument, PROBLEM_ROUTES } from './routes/docs.ts'
import { GATEWAY_ROUTES, type GatewayWebhookServices } from './routes/gateway-webhooks.ts'
import { HEALTH_ROUTES, type Probes } from './routes/health.ts'
import { MOVEMENT_ROUTES, type MovementServices } from './routes/movements.ts'
import { operationsOf, WEBHOOK_ROUTES } from './routes/operations.ts'
import { PAYMENT_ROUTES, type PaymentServices } from './routes/payments.ts'
import { mountRoutes, routedPath } from './routes/route.ts'
import { listsOf, type WebhookServices } from './routes/webhook-services.ts'

/** What the API works with. */
export interface AppOptions {
  readonly payments: PaymentStore
  readonly relay: PaymentServices['relay']
  /** Where payments go. @default unknown */
  readonly acceptance?: PaymentServices['acceptance']
  /** The gateways that can be called from here, to complete actions. @default none */
  readonly actions?: ActionServices['actions']
  /** Gateways that can do no captures, voids and refunds. @default none */
  readonly unmovable?: readonly string[]
  /** The gateways whose webhooks are accepted, and the meaning of a decline. @default none */
  readonly gatewayWebhooks?: Pick<GatewayWebhookServices, 'gateways' | 'readersOf' | 'policy'>
  readonly probes: Probes
  /** Who may call, and how often. @default every caller, without a limit */
  readonly access?: AccessOptions
  /** The operator's pages. @default none */
  readonly dashboard?: Dashboard['app']
  /** Undefined: outgoing webhooks are not set up. */
  readonly webhooks: WebhookStore | undefined
  /** Records changes of webhook endpoints. @default they are not recorded */
  readonly audited?: Audited
  /** Reads lists. @default the stores, over the connections that accept payments */
  readonly lists?:
    | (PaymentServices['lists'] &
        ReportServices['lists'] &
        MovementServices['lists'] &
        WebhookServices['lists'])
    | undefined
  readonly log: Log
  /** Counts requests. @default they are not counted */
  readonly http?: HttpCounts | undefined
  /** Longest time of a request before it is answered 503, in milliseconds. @default 10000 */
  readonly requestTimeoutMs?: number
  /** One slot per request in flight; without a free one a request is answered 503 at once. @default 1000 slots */
  readonly slots?: RequestSlots
}

const withoutRecord: Audited = (_act, perform) => perform()

/** Creates the HTTP application: a function from Request to Response, without a socket. */
export function createApp(options: AppOptions): Hono<AppEnv> {
  const { log, probes, http, dashboard, requestTimeoutMs = 10_000, access = {} } = options
  const { authenticator, limiter, accountLimiter } = access
  const isLimited = limiter !== undefined || accountLimiter !== undefined
  const slots = options.slots ?? new RequestSlots(1_000)
  const app = new Hono<AppEnv>({ getPath: routedPath })
  app.onError(respondError(log))
  app.notFound((context) => respondProblem(new Problem('not-found'), context))

  if (http !== undefined) app.use(requestMetrics(http))
  app.use(requestTraces(), frameRequests(probes.isDraining, log))
  mountRoutes(app, HEALTH_ROUTES, { probes, slots })
  mountRoutes(app, PROBLEM_ROUTES, undefined)
  guardPages(app, access)

  app.use(limitRequests({ timeoutMs: requestTimeoutMs, slots, onRefused: http?.refused }), limitBodies)
  const { payments, gatewayWebhooks } = options
  const sendsWebhooks = options.webhooks !== undefined
  const operations = operationsOf({ sendsWebhooks, readsGateways: gatewayWebhooks !== undefined })
  const described = { needsKey: authenticator !== undefined, isLimited, sendsWebhooks }
  mountRoutes(app, DOCS_ROUTES, { document: prepareDocument(operations, described) })
  if (gatewayWebhooks !== undefined) mountRoutes(app, GATEWAY_ROUTES, { payments, log, ...gatewayWebhooks })
  // Before the access of programs: people sign in there.
  if (dashboard !== undefined) app.route(DASHBOARD_PATH, dashboard)
  if (authenticator !== undefined || isLimited) app.use(controlAccess(access))
  const { relay, acceptance, unmovable, lists = payments, actions } = options
  const services = { payments, relay, acceptance, unmovable, lists, actions }
  mountRoutes(app, REPORT_ROUTES, services)
  mountRoutes(app, [ACTION_ROUTE], services)
  mountRoutes(app, PAYMENT_ROUTES, services)
  mountRoutes(app, MOVEMENT_ROUTES, services)
  mountWebhooks(app, options)
  // Last, so that it sees only requests that no route has answered.
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed(context, methods) {
        const headers = { allow: methods.join(', ') }
        return respondProblem(new Problem('method-not-allowed', { headers }), context)
      },
    }),
  )
  return app
}

/** Guards everything that browsers load: open mode is for this machine, and pages are limited by network. */
function guardPages(app: Hono<AppEnv>, access: AccessOptions): void {
  if (access.authenticator === undefined) app.use(guardOpenMode(access.allowedHosts))
  if (access.limiter !== undefined)
    for (const path of ['/openapi.json', '/docs/*', `${DASHBOARD_PATH}/*`]) app.use(path, limitPages(access))
}

/** Mounts the routes of outgoing webhooks, which are all answered `webhooks-off` without a store. */
function mountWebhooks(
  app: Hono<AppEnv>,
  { webhooks, audited = withoutRecord, lists }: Pick<AppOptions, 'webhooks' | 'audited' | 'lists'>,
): void {
  if (webhooks !== undefined)
    return mountRoutes(app, WEBHOOK_ROUTES, { webhooks, audited, lists: lists ?? listsOf(webhooks) })
  for (const path of ['/webhook-endpoints', '/webhook-events', '/webhook-deliveries'])
    app.all(`${path}/*`, () => {
      throw new Problem('webhooks-off')
    })
}
