import { setTimeout as delay } from 'node:timers/promises'
import type { PaymentClient, Sent } from './client.ts'
import type { Sample } from './samples.ts'

/** A payment and what became of it so far. */
export interface TrackedPayment {
  readonly sample: Sample
  paymentId?: string
  /** The statuses seen, oldest first. */
  readonly trail: string[]
  /** The API knew the key already and answered with the first payment. */
  isReplay: boolean
  /** Why it failed, as the gateway's code. */
  failureCode?: string | undefined
  /** Why the API did not take it. */
  refusal?: string
  /** Why the request is repeated, until the API decides. */
  repeating?: string
  /** From the request to the last status, in milliseconds. */
  durationMs: number
}

const TERMINAL = new Set(['SUCCESS', 'FAILED'])
const CONCURRENCY = 16
// Short enough to see the statuses in between, long enough to leave the API its time.
const POLL_MS = 50
// Twice the minute for which the API's rate limit may ask.
const PATIENCE_MS = 120_000
const MAX_REPEAT_PAUSE_MS = 5_000
// Beyond this many unfinished payments the questions about them would slow down everything else.
const MANY_OPEN = 500
// Payments that stay open, such as those in review, only slow the others down.
const LONGEST_WAIT_MS = 1_000

/** Whether nothing more will happen to this payment. */
export function isSettled({ refusal, trail }: TrackedPayment) {
  return refusal !== undefined || TERMINAL.has(trail.at(-1) ?? '')
}

/**
 * Sends the payments and follows each to its end. Repeats a request that the API does not decide, with the same key.
 * Ends early, with payments that are not settled, when nothing changes for `patienceMs`.
 *
 * @param onChange receives a payment after each change
 */
export async function followPayments(
  payments: readonly TrackedPayment[],
  client: PaymentClient,
  signal: AbortSignal,
  onChange: (payment: TrackedPayment) => void,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const open = new Set<TrackedPayment>()
  const startedAt = new Map<TrackedPayment, number>()
  let lastChange = performance.now()
  const changed = (payment: TrackedPayment) => {
    lastChange = performance.now()
    payment.durationMs = lastChange - (startedAt.get(payment) ?? lastChange)
    if (isSettled(payment)) open.delete(payment)
    onChange(payment)
  }

  let hasGivenUp = false
  /** Requests that the API has put off. */
  let waiting = 0
  const isPatient = () => !(hasGivenUp ||= performance.now() - lastChange >= patienceMs)

  async function send(payment: TrackedPayment) {
    for (let waitedMs = 0; open.size >= MANY_OPEN && waitedMs < LONGEST_WAIT_MS; waitedMs += POLL_MS)
      await delay(POLL_MS, undefined, { signal })
    startedAt.set(payment, performance.now())
    for (let attempt = 0; isPatient(); attempt += 1) {
      const sent = await client.pay(payment.sample)
      if (sent.kind !== 'later') {
        record(payment, sent)
        return
      }
      const isFirst = payment.repeating === undefined
      payment.repeating = sent.reason
      if (isFirst) onChange(payment)
      const pauseMs = Math.min(sent.afterMs ?? Math.min(MAX_REPEAT_PAUSE_MS, 100 * 2 ** attempt), patienceMs)
      waiting += 1
      await delay(pauseMs * (1 + Math.random() / 4), undefined, { signal })
      waiting -= 1
    }
  }

  function record(payment: TrackedPayment, sent: Exclude<Sent, { kind: 'later' }>) {
    if (sent.kind === 'refused') payment.refusal = sent.reason
    else {
      payment.paymentId = sent.paymentId
      payment.isReplay = sent.isReplay
      payment.trail.push(sent.status)
      open.add(payment)
    }
    changed(payment)
  }

  async function look(payment: TrackedPayment) {
    const { paymentId, trail } = payment
    if (paymentId === undefined) return
    const seen = await client.look(paymentId)
    if (seen === undefined || seen.status === trail.at(-1)) return
    const { status, failureCode } = seen
    payment.failureCode = failureCode ?? payment.failureCode
    trail.splice(0, trail.length, ...completeTrail(trail, status, await client.history(paymentId)))
    changed(payment)
  }

  async function watch() {
    while (!payments.every(isSettled) && isPatient()) {
      // A busy API gets no questions on top of the payments.
      if (waiting === 0) await forEach([...open], look)
      await delay(POLL_MS)
      signal.throwIfAborted()
    }
  }

  await Promise.all([forEach(payments, send), watch()])
}

/** The statuses up to `status`: from the payment's own history where it tells more than the polls saw. */
function completeTrail(seen: readonly string[], status: string, history: readonly string[]) {
  const steps = history.filter((step, index) => step !== history[index - 1])
  return steps.at(-1) === status && steps.length > seen.length ? steps : [...seen, status]
}

/** Runs `work` for each item, a few at a time. */
async function forEach<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const remaining = items.values()
  async function take() {
    for (const item of remaining) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, take))
}
