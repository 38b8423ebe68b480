import {
  createPaymentStore,
  lookUpAttempt,
  type Database,
  type DecisionRefusal,
  type Gateway,
} from '@titan/payments'
import { searchDeadLetters, type DeadLetter } from '@titan/queue-core'
import type { Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Access, DashboardEnv } from './access/access.ts'
import { isRefusal, type Audited } from './audit.ts'
import { letterSearch } from './pages/dead-letters.ts'
import { resolution } from './pages/resolve.ts'
import type { Cache } from './reads/cache.ts'
import { isAmong } from './reads/letters.ts'
import type { ObservedQueue } from './reads/reads.ts'
import { findQueue } from './views.ts'
import { pathTo } from './web/paths.ts'
import { parseForm, Refusal } from './web/refusal.ts'

/** What the acts need. */
interface ActOptions {
  readonly sql: Database
  readonly audited: Audited
  readonly queues: readonly ObservedQueue[]
  readonly access: Access
  readonly cache: Cache
  /** Looks up open attempts. Undefined: the dashboard cannot look up. */
  readonly gateway: Pick<Gateway, 'name' | 'lookup'> | undefined
}

/** An act as a form asks for it. */
interface Act {
  readonly action: string
  readonly target: string
  readonly note?: string
  /** Returns the result in a few words for people. */
  readonly perform: (operator: string) => Promise<string>
  /** The page to show afterwards. */
  readonly page: string
}

/** Mounts an act: guarded, recorded, and shown on every page at once. */
type Mount = (path: string, read: (context: Context<DashboardEnv>) => Promise<Act>) => void

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

/** Mounts what changes something. */
export function mountActs(app: Hono<DashboardEnv>, options: ActOptions): void {
  const mount: Mount = (path, read) => {
    app.post(path, options.access.guardAct, async (context) => {
      const act = await read(context)
      await perform(act, context, options)
      return context.redirect(act.page, 303)
    })
  }
  mountQueueActs(mount, options)
  mountLetterActs(mount, options)
  mountPaymentActs(mount, options)
}

async function perform(
  { action, target, note = '', perform: performAct }: Act,
  context: Context<DashboardEnv>,
  { audited, cache }: ActOptions,
): Promise<void> {
  const session = context.get('session')
  if (session === undefined) throw new Refusal(403, 'Sign in as an operator to do this')
  const { operator, credential, isProven } = session
  let hasBegun = false
  try {
    await audited({ operator, credential, isProven, action, target, note }, () => {
      hasBegun = true
      return performAct(operator)
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

function mountQueueActs(mount: Mount, { queues }: ActOptions): void {
  for (const [verb, done] of [
    ['pause', 'paused'],
    ['resume', 'resumed'],
  ] as const) {
    mount(`/queues/:queue/${verb}`, async (context) => {
      const { queue } = findQueue(queues, context.req.param('queue'))
      const { note } = await parseForm(context, withReason)
      const steer = () => queue[verb]().then(() => done)
      return { action: `queue.${verb}`, target: queue.name, note, perform: steer, page: pathTo([], { done }) }
    })
  }
}

function mountLetterActs(mount: Mount, { queues }: ActOptions): void {
  // Not /dead-letters/:queue/redrive: Hono's fast router refuses it together with /dead-letters/:queue/:letter.
  mount('/queues/:queue/dead-letters/redrive', async (context) => {
    const { queue, target, matches, back } = await readSelection(context, queues)
    return {
      action: 'dead-letters.redrive',
      target,
      page: back('redriven'),
      perform: async () => {
        const signal = AbortSignal.timeout(BULK_MS)
        const { redriven, skipped } = await queue.redrive({ filter: matches, limit: BULK_LIMIT, signal })
        return `${redriven} redriven, ${skipped} skipped${more(redriven === BULK_LIMIT || signal.aborted)}`
      },
    }
  })

  mount('/queues/:queue/dead-letters/delete', async (context) => {
    const { queue, target, matches, back } = await readSelection(context, queues)
    const { note } = await parseForm(context, withRequiredReason)
    return {
      action: 'dead-letters.delete',
      target,
      note,
      page: back('deleted'),
      perform: async () => {
        const bounds = { limit: BULK_LIMIT, scanLimit: 10 * BULK_LIMIT }
        const { deadLetters, next } = await searchDeadLetters(queue, matches, bounds)
        const deleted = await queue.deleteDeadLetters(deadLetters.map(({ letterId }) => letterId))
        return `${deleted} deleted${more(next !== undefined)}`
      },
    }
  })

  mount('/dead-letters/:queue/:letter/redrive', async (context) => {
    const { queue, letterId, target, back } = readLetter(context, queues)
    const { note } = await parseForm(context, withReason)
    return {
      action: 'dead-letter.redrive',
      target,
      note,
      page: back('redriven'),
      perform: async () => {
        const { redriven } = await queue.redrive({ letterIds: [letterId] })
        return redriven === 1 ? 'redriven' : 'skipped: it is gone, or a job of its id is alive or done'
      },
    }
  })

  mount('/dead-letters/:queue/:letter/delete', async (context) => {
    const { queue, letterId, target, back } = readLetter(context, queues)
    const { note } = await parseForm(context, withRequiredReason)
    return {
      action: 'dead-letter.delete',
      target,
      note,
      page: back('deleted'),
      perform: async () =>
        (await queue.deleteDeadLetters([letterId])) === 1 ? 'deleted' : 'it was gone already',
    }
  })
}

/** Reads which dead letters of a queue a bulk act is about. */
async function readSelection(context: Context<DashboardEnv>, queues: readonly ObservedQueue[]) {
  const { queue } = findQueue(queues, context.req.param('queue'))
  const { cause, text } = await parseForm(context, letterSearch)
  const parts = [cause && `cause=${cause}`, text && `text=${text}`].filter((part) => part !== '')
  return {
    queue,
    target: `${queue.name} ${parts.join(' ') || '(all)'}`,
    matches: (letter: DeadLetter) => isAmong({ cause, text }, letter),
    back: (done: string) => pathTo(['dead-letters'], { queue: queue.name, cause, text, done }),
  }
}

function readLetter(context: Context<DashboardEnv>, queues: readonly ObservedQueue[]) {
  const { queue } = findQueue(queues, context.req.param('queue'))
  const letterId = context.req.param('letter') ?? ''
  const back = (done: string): string => pathTo(['dead-letters'], { queue: queue.name, done })
  return { queue, letterId, target: `${queue.name} ${letterId}`, back }
}

function more(isMore: boolean): string {
  return isMore ? '; there may be more' : ''
}

function mountPaymentActs(mount: Mount, { sql, gateway }: ActOptions): void {
  const store = createPaymentStore(sql)

  mount('/payments/:id/resolve', async (context) => {
    const id = context.req.param('id') ?? ''
    const decision = await parseForm(context, resolution)
    return {
      action: 'payment.resolve',
      target: id,
      note: decision.note,
      page: pathTo(['payments', id], { done: 'resolved' }),
      perform: (operator) => decide(store, id, operator, decision),
    }
  })

  mount('/payments/:id/look-up', async (context) => {
    const id = context.req.param('id') ?? ''
    if (gateway === undefined)
      throw new Refusal(409, 'This API has no gateway to ask: use titan payments lookup')
    return {
      action: 'payment.look-up',
      target: id,
      page: pathTo(['payments', id], { done: 'looked-up' }),
      perform: async (operator) => {
        const attempt = { paymentId: id, actor: `operator:${operator}` }
        const { effect, reason } = await lookUpAttempt(attempt, { store, gateway })
        if (effect === 'refused' || effect === 'unanswered')
          throw new Refusal(409, `${reason.charAt(0).toUpperCase()}${reason.slice(1)}`)
        return `${effect}: ${reason}`
      },
    }
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
