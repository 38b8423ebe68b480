import {
  createPaymentStore,
  lookUpAttempt,
  type Database,
  type DecisionRefusal,
  type Gateway,
  type PaymentStore,
} from '@titan/payments'
import { searchDeadLetters, type DeadLetter } from '@titan/queue-core'
import type { Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Access, DashboardEnv } from './access.ts'
import { isRefusal, type Audited } from './audit.ts'
import type { Cache } from './cache.ts'
import { isAmong, type LetterFilter } from './letters.ts'
import { letterSearch } from './pages/dead-letters.ts'
import { resolution, type Resolution } from './pages/resolve.ts'
import { pathTo } from './paths.ts'
import { readForm } from './form.ts'
import type { ObservedQueue } from './queues.ts'
import { Refusal } from './refusal.ts'
import { findQueue } from './views.ts'

/** What the acts need. */
export interface ActDependencies {
  readonly sql: Database
  readonly audited: Audited
  readonly queues: readonly ObservedQueue[]
  readonly access: Access
  readonly cache: Cache
  /** Looks up open attempts. Undefined: the dashboard cannot look up. */
  readonly gateway: Pick<Gateway, 'name' | 'lookup'> | undefined
}

/** Most dead letters that one press of a button handles, and the longest time that it takes. */
const BULK_LIMIT = 1_000
const BULK_MS = 5_000

const reason = v.optional(v.pipe(v.string(), v.trim(), v.maxLength(2_000)), '')
const requiredReason = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(5, 'Give a reason of at least 5 characters.'),
  v.maxLength(2_000, 'The reason is too long.'),
)
const withReason = v.object({ note: reason })
const withRequiredReason = v.object({ note: requiredReason })

type ActContext = Context<DashboardEnv>

/** Mounts what changes something. Every act is guarded and recorded. */
export function mountActs(app: Hono<DashboardEnv>, given: ActDependencies): void {
  mountQueueActs(app, given)
  mountDeadLetterActs(app, given)
  mountPaymentActs(app, given)
}

/** Records and performs an act, and makes every page show its result. */
async function act(
  { audited, cache }: ActDependencies,
  context: ActContext,
  what: { readonly action: string; readonly target: string; readonly note?: string },
  perform: (operator: string) => Promise<string>,
): Promise<void> {
  const session = context.get('session')
  if (session === undefined) throw new Refusal(403, 'Sign in as an operator to do this')
  const { operator, credential, isProven } = session
  let hasBegun = false
  try {
    await audited({ operator, credential, isProven, note: '', ...what }, () => {
      hasBegun = true
      return perform(operator)
    })
  } catch (error) {
    if (!hasBegun || isRefusal(error)) throw error
    throw new Refusal(
      503,
      'The response was lost, so the outcome is unknown. Reload the page; repeating the action is safe',
      { cause: error },
    )
  } finally {
    cache.clear()
  }
}

function mountQueueActs(app: Hono<DashboardEnv>, given: ActDependencies): void {
  for (const [verb, done] of [
    ['pause', 'paused'],
    ['resume', 'resumed'],
  ] as const) {
    app.post(`/queues/:queue/${verb}`, given.access.guardAct, async (context) => {
      const { queue } = findQueue(given.queues, context.req.param('queue'))
      const { note } = await parse(context, withReason)
      await act(given, context, { action: `queue.${verb}`, target: queue.name, note }, async () => {
        await queue[verb]()
        return done
      })
      return context.redirect(pathTo([], { done }), 303)
    })
  }
}

function mountDeadLetterActs(app: Hono<DashboardEnv>, given: ActDependencies): void {
  const { access, queues } = given
  const back = (context: ActContext, queue: string, done: string, filter?: LetterFilter): Response =>
    context.redirect(pathTo(['dead-letters'], { queue, ...filter, done }), 303)

  // Not /dead-letters/:queue/redrive: Hono's fast router refuses it together with /dead-letters/:queue/:letter.
  app.post('/queues/:queue/dead-letters/redrive', access.guardAct, async (context) => {
    const { queue } = findQueue(queues, context.req.param('queue'))
    const { cause, text } = await parse(context, letterSearch)
    const filter = { cause, text }
    const target = `${queue.name} ${describe(filter)}`
    await act(given, context, { action: 'dead-letters.redrive', target }, async () => {
      const signal = AbortSignal.timeout(BULK_MS)
      const matches = (letter: DeadLetter): boolean => isAmong(filter, letter)
      const { redriven, skipped } = await queue.redrive({ filter: matches, limit: BULK_LIMIT, signal })
      return `${redriven} redriven, ${skipped} skipped${redriven === BULK_LIMIT || signal.aborted ? '; there may be more' : ''}`
    })
    return back(context, queue.name, 'redriven', filter)
  })

  app.post('/queues/:queue/dead-letters/delete', access.guardAct, async (context) => {
    const { queue } = findQueue(queues, context.req.param('queue'))
    const { cause, text } = await parse(context, letterSearch)
    const filter = { cause, text }
    const { note } = await parse(context, withRequiredReason)
    const target = `${queue.name} ${describe(filter)}`
    await act(given, context, { action: 'dead-letters.delete', target, note }, async () => {
      const { deadLetters, next } = await searchDeadLetters(queue, (letter) => isAmong(filter, letter), {
        limit: BULK_LIMIT,
        scanLimit: 10 * BULK_LIMIT,
      })
      const deleted = await queue.deleteDeadLetters(deadLetters.map(({ letterId }) => letterId))
      return `${deleted} deleted${next === undefined ? '' : '; there may be more'}`
    })
    return back(context, queue.name, 'deleted', filter)
  })

  app.post('/dead-letters/:queue/:letter/redrive', access.guardAct, async (context) => {
    const { queue } = findQueue(queues, context.req.param('queue'))
    const letterId = context.req.param('letter')
    const { note } = await parse(context, withReason)
    const target = `${queue.name} ${letterId}`
    await act(given, context, { action: 'dead-letter.redrive', target, note }, async () => {
      const { redriven } = await queue.redrive({ letterIds: [letterId] })
      return redriven === 1 ? 'redriven' : 'skipped: it is gone, or a job of its id is alive or done'
    })
    return back(context, queue.name, 'redriven')
  })

  app.post('/dead-letters/:queue/:letter/delete', access.guardAct, async (context) => {
    const { queue } = findQueue(queues, context.req.param('queue'))
    const letterId = context.req.param('letter')
    const { note } = await parse(context, withRequiredReason)
    const target = `${queue.name} ${letterId}`
    await act(given, context, { action: 'dead-letter.delete', target, note }, async () => {
      const deleted = await queue.deleteDeadLetters([letterId])
      return deleted === 1 ? 'deleted' : 'it was gone already'
    })
    return back(context, queue.name, 'deleted')
  })
}

function mountPaymentActs(app: Hono<DashboardEnv>, given: ActDependencies): void {
  const { access, gateway } = given
  const store = createPaymentStore(given.sql)

  app.post('/payments/:id/resolve', access.guardAct, async (context) => {
    const id = context.req.param('id')
    const decision = await parse(context, resolution)
    await act(given, context, { action: 'payment.resolve', target: id, note: decision.note }, (operator) =>
      decide(store, id, operator, decision),
    )
    return context.redirect(pathTo(['payments', id], { done: 'resolved' }), 303)
  })

  app.post('/payments/:id/look-up', access.guardAct, async (context) => {
    const id = context.req.param('id')
    if (gateway === undefined)
      throw new Refusal(409, 'This API has no gateway to ask: use titan payments lookup')
    await act(given, context, { action: 'payment.look-up', target: id }, async (operator) => {
      const attempt = { paymentId: id, actor: `operator:${operator}` }
      const { effect, reason: why } = await lookUpAttempt(attempt, { store, gateway })
      if (effect === 'refused' || effect === 'unanswered') throw new Refusal(409, capitalise(why))
      return `${effect}: ${why}`
    })
    return context.redirect(pathTo(['payments', id], { done: 'looked-up' }), 303)
  })
}

/** Why a decision was refused, for people. */
const REFUSALS: Readonly<Record<DecisionRefusal, string>> = {
  not_parked: 'This payment is not in review: it has already been decided',
  no_charge: 'SUCCESS needs the gateway’s id of the charge',
  charge_on_record:
    'A charge of this payment is on record: accept it, or refund it at the gateway and record the refund',
  nothing_to_ask: 'There is nothing to look up: no attempt is open, or another charge is on record',
  charge_refunded: 'The refund of this charge is on record, so the payment cannot have succeeded with it',
  amount_differs:
    'The gateway charged a different amount than was booked: refund it at the gateway and record the refund',
  charge_of_another: 'This charge belongs to another payment',
  unconfirmed: 'Another charge is on record. Enter the id twice if this one is right',
  look_up_first: 'Another attempt is open and may be charged too: look it up first',
}

/** @throws Refusal when the decision contradicts what is on record */
async function decide(
  store: PaymentStore,
  id: string,
  operator: string,
  decision: Resolution,
): Promise<string> {
  const { note } = decision
  if (decision.to === 'REFUND') {
    const { gateway_ref: gatewayRef, refund_ref: refundRef } = decision
    const effect = await store.recordRefund(id, { operator, note, gatewayRef, refundRef })
    if (effect === 'refused')
      throw new Refusal(
        409,
        'No open contradiction with this charge is on record, or a worker holds the payment',
      )
    return `refund ${refundRef} of charge ${gatewayRef}: ${effect}`
  }
  const { to } = decision
  const named =
    to === 'SUCCESS' ? { gatewayRef: decision.gateway_ref, confirmedRef: decision.confirmed_ref } : {}
  const effect = await store.decideReview(id, { to, operator, note, ...named })
  if (effect !== 'decided') throw new Refusal(409, REFUSALS[effect])
  return decision.to === 'SUCCESS' ? `SUCCESS, charge ${decision.gateway_ref}` : decision.to
}

function capitalise(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}

function describe({ cause, text }: LetterFilter): string {
  const parts = [cause && `cause=${cause}`, text && `text=${text}`]
  return parts.filter((part) => part !== '').join(' ') || '(all)'
}

async function parse<Output>(
  context: Context<DashboardEnv>,
  schema: v.GenericSchema<unknown, Output>,
): Promise<Output> {
  const form = await readForm(context)
  const isStorable = Object.values(form).every((value) => typeof value === 'string' && !value.includes('\0'))
  if (!isStorable) throw new Refusal(422, 'The form contains a file or a character that cannot be stored')
  const result = v.safeParse(schema, form)
  if (result.success) return result.output
  throw new Refusal(422, result.issues[0]?.message ?? 'The form is incomplete')
}
