import {
  createPaymentStore,
  lookUpAttempt,
  type Database,
  type DecisionRefusal,
  type Gateway,
  type PaymentStore,
} from '@titan/payments'
import type { Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Access, DashboardEnv } from './access.ts'
import { isRefusal, type Audited } from './audit.ts'
import type { Cache } from './cache.ts'
import { isAmong, searchLetters, type LetterFilter } from './letters.ts'
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
  /** Asked about open attempts. Undefined: none can be asked from here. */
  readonly gateway: Pick<Gateway, 'name' | 'lookup'> | undefined
}

/** Dead letters that one press of a button handles at most, and for how long: then the page answers, and says so. */
const BULK_LIMIT = 1_000
const BULK_MS = 5_000

const reason = v.optional(v.pipe(v.string(), v.trim(), v.maxLength(2_000)), '')
const requiredReason = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(5, 'Say in a few words why.'),
  v.maxLength(2_000, 'The reason is too long.'),
)
const withReason = v.object({ note: reason })
const withRequiredReason = v.object({ note: requiredReason })

/** What changes something. Every act is guarded and recorded. */
export function mountActs(app: Hono<DashboardEnv>, given: ActDependencies): void {
  const { sql, audited, queues, access, cache, gateway } = given
  const store = createPaymentStore(sql)
  const guard = access.guardAct

  /** Records and does an act, and makes every page show what came of it. */
  async function act(
    context: Context<DashboardEnv>,
    what: { readonly action: string; readonly target: string; readonly note: string },
    perform: () => Promise<string>,
  ): Promise<string> {
    const session = context.get('session')
    if (session === undefined) throw new Refusal(403, 'Sign in as an operator to do this')
    const { operator, credential, isProven } = session
    let hasBegun = false
    try {
      return await audited({ operator, credential, isProven, ...what }, () => {
        hasBegun = true
        return perform()
      })
    } catch (error) {
      if (!hasBegun || isRefusal(error)) throw error
      throw new Refusal(
        503,
        'The answer was lost, so whether this was done is unknown. Load the page again; the same act may be repeated',
        { cause: error },
      )
    } finally {
      cache.clear()
    }
  }

  for (const [verb, done] of [
    ['pause', 'paused'],
    ['resume', 'resumed'],
  ] as const) {
    app.post(`/queues/:queue/${verb}`, guard, async (context) => {
      const { queue } = findQueue(queues, context.req.param('queue'))
      const { note } = await parse(context, withReason)
      await act(context, { action: `queue.${verb}`, target: queue.name, note }, async () => {
        await queue[verb]()
        return done
      })
      return context.redirect(pathTo([], { done }), 303)
    })
  }

  // Not /dead-letters/:queue/redrive: beside /dead-letters/:queue/:letter Hono's fast router would refuse it, for all routes.
  app.post('/queues/:queue/dead-letters/redrive', guard, async (context) => {
    const { queue } = findQueue(queues, context.req.param('queue'))
    const { cause, text } = await parse(context, letterSearch)
    const filter = { cause, text }
    const what = { action: 'dead-letters.redrive', target: `${queue.name} ${describe(filter)}`, note: '' }
    await act(context, what, async () => {
      const signal = AbortSignal.timeout(BULK_MS)
      const { redriven, skipped } = await queue.redrive({
        filter: (letter) => isAmong(filter, letter),
        limit: BULK_LIMIT,
        signal,
      })
      return `${redriven} redriven, ${skipped} skipped${redriven === BULK_LIMIT || signal.aborted ? '; there may be more' : ''}`
    })
    return context.redirect(pathTo(['dead-letters'], { queue: queue.name, ...filter, done: 'redriven' }), 303)
  })

  app.post('/queues/:queue/dead-letters/delete', guard, async (context) => {
    const { queue } = findQueue(queues, context.req.param('queue'))
    const { cause, text } = await parse(context, letterSearch)
    const filter = { cause, text }
    const { note } = await parse(context, withRequiredReason)
    const what = { action: 'dead-letters.delete', target: `${queue.name} ${describe(filter)}`, note }
    await act(context, what, async () => {
      const found = await searchLetters(queue, filter, { limit: BULK_LIMIT, scanLimit: 10 * BULK_LIMIT })
      const deleted = await queue.deleteDeadLetters(found.letters.map(({ letterId }) => letterId))
      return `${deleted} deleted${found.next === undefined ? '' : '; there may be more'}`
    })
    return context.redirect(pathTo(['dead-letters'], { queue: queue.name, ...filter, done: 'deleted' }), 303)
  })

  app.post('/dead-letters/:queue/:letter/redrive', guard, async (context) => {
    const { queue } = findQueue(queues, context.req.param('queue'))
    const letterId = context.req.param('letter')
    const { note } = await parse(context, withReason)
    await act(
      context,
      { action: 'dead-letter.redrive', target: `${queue.name} ${letterId}`, note },
      async () => {
        const { redriven } = await queue.redrive({ letterIds: [letterId] })
        return redriven === 1 ? 'redriven' : 'skipped: it is gone, or a job of its id is alive or done'
      },
    )
    return context.redirect(pathTo(['dead-letters'], { queue: queue.name, done: 'redriven' }), 303)
  })

  app.post('/dead-letters/:queue/:letter/delete', guard, async (context) => {
    const { queue } = findQueue(queues, context.req.param('queue'))
    const letterId = context.req.param('letter')
    const { note } = await parse(context, withRequiredReason)
    await act(
      context,
      { action: 'dead-letter.delete', target: `${queue.name} ${letterId}`, note },
      async () => {
        const deleted = await queue.deleteDeadLetters([letterId])
        return deleted === 1 ? 'deleted' : 'it was gone already'
      },
    )
    return context.redirect(pathTo(['dead-letters'], { queue: queue.name, done: 'deleted' }), 303)
  })

  app.post('/payments/:id/resolve', guard, async (context) => {
    const id = context.req.param('id')
    const decision = await parse(context, resolution)
    const operator = context.get('session')?.operator ?? ''
    await act(context, { action: 'payment.resolve', target: id, note: decision.note }, () =>
      decide(store, id, operator, decision),
    )
    return context.redirect(pathTo(['payments', id], { done: 'resolved' }), 303)
  })

  app.post('/payments/:id/look-up', guard, async (context) => {
    const id = context.req.param('id')
    if (gateway === undefined)
      throw new Refusal(409, 'No gateway can be asked from here: use titan payments lookup')
    const actor = `operator:${context.get('session')?.operator ?? ''}`
    await act(context, { action: 'payment.look-up', target: id, note: '' }, async () => {
      const { effect, reason: why } = await lookUpAttempt({ paymentId: id, actor }, { store, gateway })
      if (effect === 'refused' || effect === 'unanswered') throw new Refusal(409, capitalise(why))
      return `${effect}: ${why}`
    })
    return context.redirect(pathTo(['payments', id], { done: 'looked-up' }), 303)
  })
}

/** Why a decision was refused, for people. */
const REFUSALS: Readonly<Record<DecisionRefusal, string>> = {
  not_parked: 'This payment does not wait for a decision: another one was made',
  no_charge: 'A charge needs the gateway’s id of it',
  charge_on_record:
    'A charge of this payment is on record: refund it at the gateway and record that, or accept it',
  nothing_to_ask: 'There is nothing to ask about: no attempt is open, or another charge came to light',
  charge_refunded: 'The refund of this charge is on record, so the payment cannot have succeeded with it',
  amount_differs:
    'The gateway charged something else than was booked: refund it at the gateway and record that',
  charge_of_another: 'This charge is of another payment',
  unconfirmed: 'Another charge is on record. Give the id a second time if this one is right',
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
  const named =
    decision.to === 'SUCCESS'
      ? { gatewayRef: decision.gateway_ref, confirmedRef: decision.confirmed_ref }
      : {}
  const effect = await store.decideReview(id, { to: decision.to, operator, note, ...named })
  if (effect !== 'decided') throw new Refusal(409, REFUSALS[effect])
  return decision.to === 'SUCCESS' ? `SUCCESS, charge ${decision.gateway_ref}` : decision.to
}

function capitalise(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}

function describe({ cause, text }: LetterFilter): string {
  const parts = [cause === '' ? '' : `cause=${cause}`, text === '' ? '' : `text=${text}`].filter(
    (part) => part !== '',
  )
  return parts.length === 0 ? '(all)' : parts.join(' ')
}

async function parse<Output>(
  context: Context<DashboardEnv>,
  schema: v.GenericSchema<unknown, Output>,
): Promise<Output> {
  const form = await readForm(context)
  const isStorable = Object.values(form).every((value) => typeof value === 'string' && !value.includes('\0'))
  if (!isStorable) throw new Refusal(422, 'The form contains a character that cannot be stored, or a file')
  const result = v.safeParse(schema, form)
  if (result.success) return result.output
  throw new Refusal(422, result.issues[0]?.message ?? 'The form is not complete')
}
