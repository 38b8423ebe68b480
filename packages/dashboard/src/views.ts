import type { Context, Hono } from 'hono'
import { tenantOf, type DashboardEnv } from './access/access.ts'
import { auditPage } from './pages/audit.ts'
import { deadLetterPage, deadLettersPage, letterSearch } from './pages/dead-letters.ts'
import { accountOverviewPage } from './pages/account-overview.ts'
import { overviewPage } from './pages/overview.ts'
import { paymentPage } from './pages/payment.ts'
import { KIND_WORDS } from './pages/movements.ts'
import { filterOf, isByDetails, paymentSearch, paymentsPage } from './pages/payments.ts'
import { refundFilterOf, refundSearch, refundsPage } from './pages/refunds.ts'
import { reviewsPage } from './pages/reviews.ts'
import { deliverySearch, endpointPage } from './pages/webhooks.ts'
import { workersPage } from './pages/workers.ts'
import { attempt, type ObservedQueue } from './reads/reads.ts'
import type { Services } from './services.ts'
import { pathTo } from './web/paths.ts'
import { parseQuery, Refusal } from './web/refusal.ts'

/** Mounts the pages that everyone sees, each caller what it may. */
export function mountViews(app: Hono<DashboardEnv>, services: Services): void {
  mountOverview(app, services)
  mountPayments(app, services)
  mountWebhooks(app, services)
}

/** Takes the account out of the search of a caller who sees one only. */
function ofCaller<Search extends { account: string }>(
  context: Context<DashboardEnv>,
  search: Search,
): Search {
  return context.get('account') === undefined ? search : { ...search, account: '' }
}

/** Mounts the pages that show all accounts; behind `guardOperators`. */
export function mountOperatorViews(app: Hono<DashboardEnv>, services: Services): void {
  mountRecords(app, services)
  mountQueues(app, services)
}

function mountOverview(app: Hono<DashboardEnv>, { readsOf, queues, sampler, renderer }: Services): void {
  app.get('/', async (context) => {
    const reads = readsOf(context)
    if (tenantOf(context) !== undefined) {
      const [totals, endpoints] = await Promise.all([attempt(reads.totals()), attempt(reads.endpoints())])
      const content = accountOverviewPage(totals, endpoints, renderer.viewerOf(context))
      return renderer.render(context, { section: '', title: 'Overview', content })
    }
    const [totals, webhooks, ...stats] = await Promise.all([
      attempt(reads.totals()),
      attempt(reads.webhookBacklog()),
      ...queues.map(async (one) => ({ name: one.queue.name, stats: await attempt(reads.stats(one)) })),
    ])
    const found = { totals, webhooks, queues: stats, samples: sampler.samples }
    const content = overviewPage(found, renderer.viewerOf(context))
    return renderer.render(context, { section: '', title: 'Overview', content })
  })
}

function mountRecords(app: Hono<DashboardEnv>, services: Services): void {
  const { access, readsOf, sampler, renderer } = services
  app.get('/series', (context) => {
    const after = Number(context.req.query('after') ?? 0)
    return context.json({ samples: sampler.samples.filter(({ at }) => at > after) })
  })

  app.get('/audit', access.guardEvidence, async (context) => {
    const text = context.req.query('before') ?? ''
    const before = /^\d{1,15}$/.test(text) ? Number(text) : undefined
    const content = auditPage(before, await attempt(readsOf(context).acts(before)))
    return renderer.render(context, { section: 'audit', title: 'Audit', content })
  })

  app.get('/reviews', access.guardEvidence, async (context) => {
    const parked = await attempt(readsOf(context).parkedPayments())
    const content = reviewsPage(parked, renderer.viewerOf(context))
    return renderer.render(context, { section: 'reviews', title: 'Reviews', content })
  })
}

function mountPayments(app: Hono<DashboardEnv>, services: Services): void {
  const { readsOf, renderer, gateways } = services
  app.get('/payments', async (context) => {
    const reads = readsOf(context)
    const search = ofCaller(context, parseQuery(context, paymentSearch))
    if (/^(pay|ref|cap|void)_\w{1,64}$/.test(search.q)) {
      const known = await attempt(reads.history(search.q))
      if ('value' in known && known.value !== undefined)
        return context.redirect(pathTo(['payments', search.q]), 303)
    }
    const viewer = renderer.viewerOf(context)
    if (isByDetails(search) && !viewer.seesDetails)
      throw new Refusal(
        403,
        'Sign in as an operator, or with an API key of the scope admin, to search by this',
      )
    const found = await attempt(reads.payments(filterOf(search)))
    const content = paymentsPage(search, found, viewer)
    return renderer.render(context, { section: 'payments', title: 'Payments', content })
  })

  app.get('/payments/:id', async (context) => {
    const history = await readsOf(context).history(context.req.param('id'))
    if (history === undefined) throw new Refusal(404, 'There is no such payment')
    const canLookUp = gateways?.get(history.payment.gateway ?? '')?.lookup !== undefined
    const content = paymentPage(history, renderer.viewerOf(context), canLookUp)
    const title = `${history.movement === undefined ? 'Payment' : KIND_WORDS[history.movement.kind]} ${history.payment.id}`
    return renderer.render(context, { section: 'payments', title, content })
  })

  app.get('/refunds', async (context) => {
    const search = ofCaller(context, parseQuery(context, refundSearch))
    const found = await attempt(readsOf(context).refunds(refundFilterOf(search)))
    const content = refundsPage(search, found, renderer.viewerOf(context))
    return renderer.render(context, { section: 'refunds', title: 'Refunds', content })
  })
}

function mountWebhooks(app: Hono<DashboardEnv>, { readsOf, renderer }: Services): void {
  app.get('/webhook-endpoints/:id', async (context) => {
    const reads = readsOf(context)
    const endpoint = await reads.endpoint(context.req.param('id'))
    if (endpoint === undefined) throw new Refusal(404, 'There is no such webhook endpoint')
    const search = parseQuery(context, deliverySearch)
    const { status, after } = search
    const page = { status: status || undefined, after: after || undefined }
    const found = await attempt(reads.deliveries(endpoint.id, page))
    const content = endpointPage(endpoint, search, found, renderer.viewerOf(context))
    return renderer.render(context, { section: '', title: 'Webhook endpoint', content })
  })
}

function mountQueues(app: Hono<DashboardEnv>, services: Services): void {
  const { access, readsOf, queues, renderer } = services
  app.get('/dead-letters', access.guardEvidence, async (context) => {
    const { after, ...given } = parseQuery(context, letterSearch)
    const queue = findQueue(queues, given.queue)
    const search = { ...given, after, queue: queue.queue.name }
    const found = await attempt(readsOf(context).letters(queue, given, after || undefined))
    const names = queues.map((one) => one.queue.name)
    const content = deadLettersPage(search, names, found, renderer.viewerOf(context))
    return renderer.render(context, { section: 'dead-letters', title: 'Dead letters', content })
  })

  app.get('/dead-letters/:queue/:letter', access.guardEvidence, async (context) => {
    const queue = findQueue(queues, context.req.param('queue'))
    const letter = await readsOf(context).letter(queue, context.req.param('letter'))
    if (letter === undefined) throw new Refusal(404, 'This dead letter was redriven or deleted')
    const content = deadLetterPage(queue.queue.name, letter, renderer.viewerOf(context))
    return renderer.render(context, { section: 'dead-letters', title: 'Dead letter', content, isLive: false })
  })

  app.get('/workers', access.guardEvidence, async (context) => {
    const reads = readsOf(context)
    const [held, ...workers] = await Promise.all([
      attempt(reads.heldPayments()),
      ...queues.map(async (one) => ({ name: one.queue.name, workers: await attempt(reads.workers(one)) })),
    ])
    return renderer.render(context, {
      section: 'workers',
      title: 'Workers',
      content: workersPage(workers, held),
    })
  })
}

/** Finds a queue by its name; without one the first. */
export function findQueue(queues: readonly ObservedQueue[], name = ''): ObservedQueue {
  const found = name === '' ? queues[0] : queues.find(({ queue }) => queue.name === name)
  if (found === undefined) throw new Refusal(404, 'There is no such queue')
  return found
}
