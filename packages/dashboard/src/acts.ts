import { createPaymentStore, lookUpAttempt, type DecisionRefusal } from '@titan/payments'
import { searchDeadLetters, type DeadLetter } from '@titan/queue-core'
import type { Context, Hono } from 'hono'
import * as v from 'valibot'
import type { DashboardEnv } from './access/access.ts'
import type { Session } from './access/session.ts'
import { isRefusal } from './audit.ts'
import { mountChargeActs } from './movement-acts.ts'
import { letterSearch } from './pages/dead-letters.ts'
import { resolution } from './pages/resolve.ts'
import { isAmong, type LetterFilter } from './reads/letters.ts'
import type { ObservedQueue } from './reads/reads.ts'
import type { Services } from './services.ts'
import { findQueue } from './views.ts'
import { pathTo } from './web/paths.ts'
import { parseForm, Refusal } from './web/refusal.ts'

/** An act that a form asks for. */
interface Act {
  readonly action: string
  readonly target: string
  /** Returns the result in a few words for people. */
  readonly perform: (by: Session) => Promise<string>
  /** The page to show afterwards. */
  readonly page: string
  /** What to say when the response was lost. @default that repeating is safe */
  readonly whenLost?: string
}

type Parameters = (name: string) => string

/** Mounts an act: guarded, recorded, and shown on every page at once. */
export type Mount = <Form extends object>(
  path: string,
  schema: v.GenericSchema<unknown, Form>,
  read: (form: Form, parameter: Parameters) => Act,
) => void

/** Most dead letters that one press of a button handles, and the longest time that it takes. */
const BULK_LIMIT = 1_000
const BULK_MS = 5_000

const withReason = v.object({ note: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(2_000)), '') })
const withRequiredReason = v.object({
  note: v.pipe(
    v.string(),
    v.trim(),
    v.minLength(5, 'Give a reason of at least 5 characters.'),
    v.maxLength(2_000, 'The reason is too long.'),
  ),
})

/** Mounts what changes something for all accounts; behind `guardOperators`. */
export function mountActs(app: Hono<DashboardEnv>, services: Services): void {
  const mount = mounterOf(app, services)
  mountQueueActs(mount, services)
  mountLetterActs(mount, services)
  mountPaymentActs(mount, services)
  mountChargeActs(mount, services)
}

/** Returns what mounts an act. */
export function mounterOf(app: Hono<DashboardEnv>, services: Services): Mount {
  return (path, schema, read) => {
    app.post(path, services.access.guardAct, async (context) => {
      const form = await parseForm(context, schema)
      const act = read(form, (name) => context.req.param(name) ?? '')
      const note = 'note' in form && typeof form.note === 'string' ? form.note : ''
      await perform(act, note, context, services)
      return context.redirect(act.page, 303)
    })
  }
}

async function perform(
  { action, target, perform: performAct, whenLost }: Act,
  note: string,
  context: Context<DashboardEnv>,
  { audited, cache }: Services,
): Promise<void> {
  const session = context.get('session')
  if (session === undefined) throw new Refusal(403, 'Sign in as an operator to do this')
  const { operator, credential, isProven } = session
  let hasBegun = false
  try {
    await audited({ operator, credential, isProven, action, target, note }, () => {
      hasBegun = true
      return performAct(session)
    })
  } catch (error) {
    if (!hasBegun || isRefusal(error)) throw error
    throw new Refusal(
      503,
      whenLost ??
        'The response was lost, so the outcome is unknown. Reload the page; repeating the action is safe',
      { cause: error },
    )
  } finally {
    cache.clear()
  }
}

function mountQueueActs(mount: Mount, { queues }: Services): void {
  for (const [verb, done] of [
    ['pause', 'paused'],
    ['resume', 'resumed'],
  ] as const) {
    mount(`/queues/:queue/${verb}`, withReason, (_form, parameter) => {
      const { queue } = findQueue(queues, parameter('queue'))
      const steer = () => queue[verb]().then(() => done)
      return { action: `queue.${verb}`, target: queue.name, perform: steer, page: pathTo([], { done }) }
    })
  }
}

function mountLetterActs(mount: Mount, { queues }: Services): void {
  // Not /dead-letters/:queue/redrive: Hono's fast router refuses it together with /dead-letters/:queue/:letter.
  const search = v.object({ ...letterSearch.entries, ...withReason.entries })
  mount('/queues/:queue/dead-letters/redrive', search, (form, parameter) => {
    const { queue, target, matches, back } = selectionOf(queues, parameter, form)
    const redrive = async (): Promise<string> => {
      const signal = AbortSignal.timeout(BULK_MS)
      const { redriven, skipped } = await queue.redrive({ filter: matches, limit: BULK_LIMIT, signal })
      return `${redriven} redriven, ${skipped} skipped${more(redriven === BULK_LIMIT || signal.aborted)}`
    }
    return { action: 'dead-letters.redrive', target, perform: redrive, page: back('redriven') }
  })

  const deletion = v.object({ ...letterSearch.entries, ...withRequiredReason.entries })
  mount('/queues/:queue/dead-letters/delete', deletion, (form, parameter) => {
    const { queue, target, matches, back } = selectionOf(queues, parameter, form)
    const remove = async (): Promise<string> => {
      const bounds = { limit: BULK_LIMIT, scanLimit: 10 * BULK_LIMIT }
      const { deadLetters, next } = await searchDeadLetters(queue, matches, bounds)
      const deleted = await queue.deleteDeadLetters(deadLetters.map(({ letterId }) => letterId))
      return `${deleted} deleted${more(next !== undefined)}`
    }
    return { action: 'dead-letters.delete', target, perform: remove, page: back('deleted') }
  })

  mount('/dead-letters/:queue/:letter/redrive', withReason, (_form, parameter) => {
    const { queue, letterId, target, back } = letterOf(queues, parameter)
    const redrive = async (): Promise<string> => {
      const { redriven } = await queue.redrive({ letterIds: [letterId] })
      return redriven === 1 ? 'redriven' : 'skipped: it is gone, or a job of its id is alive or done'
    }
    return { action: 'dead-letter.redrive', target, perform: redrive, page: back('redriven') }
  })

  mount('/dead-letters/:queue/:letter/delete', withRequiredReason, (_form, parameter) => {
    const { queue, letterId, target, back } = letterOf(queues, parameter)
    const remove = async (): Promise<string> =>
      (await queue.deleteDeadLetters([letterId])) === 1 ? 'deleted' : 'it was gone already'
    return { action: 'dead-letter.delete', target, perform: remove, page: back('deleted') }
  })
}

/** Returns which dead letters of a queue a bulk act is about. */
function selectionOf(queues: readonly ObservedQueue[], parameter: Parameters, { cause, text }: LetterFilter) {
  const { queue } = findQueue(queues, parameter('queue'))
  const parts = [cause && `cause=${cause}`, text && `text=${text}`].filter((part) => part !== '')
  return {
    queue,
    target: `${queue.name} ${parts.join(' ') || '(all)'}`,
    matches: (letter: DeadLetter) => isAmong({ cause, text }, letter),
    back: (done: string) => pathTo(['dead-letters'], { queue: queue.name, cause, text, done }),
  }
}

function letterOf(queues: readonly ObservedQueue[], parameter: Parameters) {
  const { queue } = findQueue(queues, parameter('queue'))
  const letterId = parameter('letter')
  const back = (done: string): string => pathTo(['dead-letters'], { queue: queue.name, done })
  return { queue, letterId, target: `${queue.name} ${letterId}`, back }
}

function more(isMore: boolean): string {
  return isMore ? '; there may be more' : ''
}

function mountPaymentActs(mount: Mount, { sql, gateways }: Services): void {
  const store = createPaymentStore(sql)

  mount('/payments/:id/resolve', resolution, (decision, parameter) => {
    const id = parameter('id')
    const page = pathTo(['payments', id], { done: 'resolved' })
    const resolve = ({ operator }: Session): Promise<string> => decide(store, id, operator, decision)
    return { action: 'payment.resolve', target: id, perform: resolve, page }
  })

  mount('/payments/:id/look-up', withReason, (_form, parameter) => {
    const id = parameter('id')
    const page = pathTo(['payments', id], { done: 'looked-up' })
    if (gateways === undefined)
      throw new Refusal(409, 'This API has no gateway to ask: use titan payments lookup')
    const lookUp = async ({ actor }: Session): Promise<string> => {
      const attempt = { paymentId: id, actor }
      const { effect, reason } = await lookUpAttempt(attempt, { store, gateways })
      if (effect === 'refused' || effect === 'unanswered')
        throw new Refusal(409, `${reason.charAt(0).toUpperCase()}${reason.slice(1)}`)
      return `${effect}: ${reason}`
    }
    return { action: 'payment.look-up', target: id, perform: lookUp, page }
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
  store: ReturnType<typeof createPaymentStore>,
  id: string,
  operator: string,
  decision: v.InferOutput<typeof resolution>,
): Promise<string> {
  const { to, note } = decision
  if (to === 'REFUND') {
    const { gateway_ref: gatewayRef, refund_ref: refundRef } = decision
    const effect = await store.recordRefund(id, { operator, note, gatewayRef, refundRef })
    if (effect !== 'refused') return `refund ${refundRef} of charge ${gatewayRef}: ${effect}`
    throw new Refusal(
      409,
      'No open contradiction with this charge is on record, or a worker holds the payment',
    )
  }
  const charge =
    to === 'SUCCESS' ? { gatewayRef: decision.gateway_ref, confirmedRef: decision.confirmed_ref } : {}
  const effect = await store.decideReview(id, { to, operator, note, ...charge })
  if (effect !== 'decided') throw new Refusal(409, REFUSALS[effect])
  return to === 'SUCCESS' ? `SUCCESS, charge ${decision.gateway_ref}` : to
}
