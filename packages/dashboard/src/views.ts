import type { Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Access, DashboardEnv } from './access.ts'
import { auditPage } from './pages/audit.ts'
import { deadLetterPage } from './pages/dead-letter.ts'
import { deadLettersPage, letterSearch } from './pages/dead-letters.ts'
import { overviewPage } from './pages/overview.ts'
import { paymentPage } from './pages/payment.ts'
import { filterOf, paymentSearch, paymentsPage } from './pages/payments.ts'
import { reviewsPage } from './pages/reviews.ts'
import { workersPage } from './pages/workers.ts'
import { pathTo } from './paths.ts'
import type { ObservedQueue } from './queues.ts'
import { attempt, type Reads } from './reads.ts'
import { Refusal } from './refusal.ts'
import type { Renderer } from './render.ts'
import type { Sampler } from './sampler.ts'

/** What the pages read from. */
export interface ViewDependencies {
  readonly access: Access
  readonly reads: Reads
  readonly queues: readonly ObservedQueue[]
  readonly sampler: Sampler
  readonly renderer: Renderer
  /** Name of the gateway at which open attempts can be looked up. */
  readonly lookUpGateway: string | undefined
}

/** Mounts the pages that only read. */
export function mountViews(app: Hono<DashboardEnv>, given: ViewDependencies): void {
  mountOverview(app, given)
  mountPayments(app, given)
  mountDeadLetters(app, given)
  mountOperations(app, given)
}

function mountOverview(app: Hono<DashboardEnv>, given: ViewDependencies): void {
  const { reads, queues, sampler, renderer } = given
  app.get('/', async (context) => {
    const [totals, webhooks, ...stats] = await Promise.all([
      attempt(reads.totals()),
      attempt(reads.webhookBacklog()),
      ...queues.map(async (one) => ({ name: one.queue.name, stats: await attempt(reads.stats(one)) })),
    ])
    const found = { totals, webhooks, queues: stats, samples: sampler.samples }
    const content = overviewPage(found, renderer.viewerOf(context))
    return renderer.render(context, { section: '', title: 'Overview', content })
  })

  app.get('/series', (context) => {
    const after = Number(context.req.query('after') ?? 0)
    context.header('cache-control', 'no-store')
    return context.json({ samples: sampler.samples.filter(({ at }) => at > after) })
  })
}

function mountPayments(app: Hono<DashboardEnv>, given: ViewDependencies): void {
  const { reads, renderer, lookUpGateway } = given
  app.get('/payments', async (context) => {
    const search = parse(context, paymentSearch)
    if (/^pay_\w{1,64}$/.test(search.q)) {
      const known = await attempt(reads.history(search.q))
      if ('value' in known && known.value !== undefined)
        return context.redirect(pathTo(['payments', search.q]), 303)
    }
    const found = await attempt(reads.payments(filterOf(search)))
    const content = paymentsPage(search, found, renderer.viewerOf(context))
    return renderer.render(context, { section: 'payments', title: 'Payments', content })
  })

  app.get('/payments/:id', async (context) => {
    const history = await reads.history(context.req.param('id'))
    if (history === undefined) throw new Refusal(404, 'There is no such payment')
    const canLookUp = history.payment.gateway === lookUpGateway
    const content = paymentPage(history, renderer.viewerOf(context), canLookUp)
    return renderer.render(context, { section: 'payments', title: `Payment ${history.payment.id}`, content })
  })

  app.get('/reviews', given.access.guardDetails, async (context) => {
    const content = reviewsPage(await attempt(reads.parkedPayments()), renderer.viewerOf(context))
    return renderer.render(context, { section: 'reviews', title: 'Reviews', content })
  })
}

function mountDeadLetters(app: Hono<DashboardEnv>, given: ViewDependencies): void {
  const { access, reads, queues, renderer } = given
  app.get('/dead-letters', access.guardDetails, async (context) => {
    const search = parse(context, letterSearch)
    const queue = findQueue(queues, search.queue)
    const { cause, text, after } = search
    const found = await attempt(reads.letters(queue, { cause, text }, after === '' ? undefined : after))
    const content = deadLettersPage(
      { search: { ...search, queue: queue.queue.name }, queues: queues.map((one) => one.queue.name), found },
      renderer.viewerOf(context),
    )
    return renderer.render(context, { section: 'dead-letters', title: 'Dead letters', content })
  })

  app.get('/dead-letters/:queue/:letter', access.guardDetails, async (context) => {
    const queue = findQueue(queues, context.req.param('queue'))
    const letter = await reads.letter(queue, context.req.param('letter'))
    if (letter === undefined) throw new Refusal(404, 'This dead letter was redriven or deleted')
    const content = deadLetterPage(queue.queue.name, letter, renderer.viewerOf(context))
    return renderer.render(context, { section: 'dead-letters', title: 'Dead letter', content, isLive: false })
  })
}

function mountOperations(app: Hono<DashboardEnv>, given: ViewDependencies): void {
  const { access, reads, queues, renderer } = given
  const workersOf = async (one: ObservedQueue) => {
    const [consumers, jobs] = await Promise.all([reads.consumers(one), reads.leasedJobs(one)])
    return { consumers, jobs }
  }
  app.get('/workers', access.guardDetails, async (context) => {
    const [held, ...workers] = await Promise.all([
      attempt(reads.heldPayments()),
      ...queues.map(async (one) => ({ name: one.queue.name, workers: await attempt(workersOf(one)) })),
    ])
    const content = workersPage({ queues: workers, held })
    return renderer.render(context, { section: 'workers', title: 'Workers', content })
  })

  app.get('/audit', access.guardDetails, async (context) => {
    const text = context.req.query('before') ?? ''
    const before = /^\d{1,15}$/.test(text) ? Number(text) : undefined
    const content = auditPage(before, await attempt(reads.acts(before)))
    return renderer.render(context, { section: 'audit', title: 'Audit', content })
  })
}

/** Finds a queue by its name; '' is the first. */
export function findQueue(queues: readonly ObservedQueue[], name: string): ObservedQueue {
  const found = name === '' ? queues[0] : queues.find(({ queue }) => queue.name === name)
  if (found === undefined) throw new Refusal(404, 'There is no such queue')
  return found
}

function parse<Output>(context: Context<DashboardEnv>, schema: v.GenericSchema<unknown, Output>): Output {
  const result = v.safeParse(schema, context.req.query())
  if (result.success) return result.output
  throw new Refusal(400, 'This search is not valid: start from an empty one')
}
