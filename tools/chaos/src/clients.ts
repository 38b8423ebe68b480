import { setTimeout as pause } from 'node:timers/promises'
import { createRandom } from './random.ts'

/** What a client was told about its payment. */
export interface Told {
  readonly key: string
  readonly amount: number
  readonly paymentId: string
}

/** What clients have done so far. */
export interface ClientCounts {
  /** Payments that were begun. */
  tried: number
  /** Payments that were answered 202. */
  answered: number
  /** Requests beyond the first one of a payment, after errors and timeouts, or sent twice on purpose. */
  repeated: number
  /** Requests with the key of another payment that were refused with 422. */
  refused: number
}

/** Clients that send payments and repeat what was not answered. */
export interface Clients {
  readonly counts: Readonly<ClientCounts>
  readonly told: ReadonlyMap<string, Told>
  /** What no client may ever be told. */
  readonly breaches: readonly string[]
  /** Resolves when every payment was answered; gives up when `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** How clients send. */
export interface ClientOptions {
  readonly urls: readonly string[]
  readonly payments: number
  /** Over this time the payments are begun, evenly. */
  readonly durationMs: number
  readonly seed: number
}

const TIMEOUT_MS = 10_000
/** Before a request is repeated; doubles each time, for a crowd that hurries keeps a busy server busy for ever. */
const AGAIN_MS = 200
const MAX_AGAIN_MS = 5_000
/** Share of payments that are sent twice at the same time, and of those whose key is used once more for another amount. */
const TWICE = 0.03
const STOLEN_KEY = 0.02

/** Makes clients. Amounts and the share of oddities come from the seed. */
export function createClients({ urls, payments, durationMs, seed }: ClientOptions): Clients {
  const routes = createRandom(seed)
  const counts: ClientCounts = { tried: 0, answered: 0, repeated: 0, refused: 0 }
  const told = new Map<string, Told>()
  const breaches: string[] = []

  /** One request; undefined when it got no answer that says what became of it. */
  async function post(key: string, amount: number): Promise<{ status: number; id: string } | undefined> {
    try {
      const answer = await fetch(`${routes.pick(urls)}/pay`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ amount, idempotency_key: key }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      const body = (await answer.json()) as { readonly payment_id?: string; readonly amount?: number }
      if (answer.status === 202 && body.amount !== amount)
        breaches.push(`${key}: ${amount} was asked and ${body.amount} confirmed`)
      if (answer.status !== 202 && answer.status !== 422 && answer.status < 500)
        breaches.push(`${key}: a sound request was answered ${answer.status}`)
      return { status: answer.status, id: body.payment_id ?? '' }
    } catch {
      return undefined
    }
  }

  /** Repeats a request under its key until it is answered. */
  async function insist(key: string, amount: number, signal: AbortSignal): Promise<void> {
    for (let waitMs = AGAIN_MS; !signal.aborted; waitMs = Math.min(2 * waitMs, MAX_AGAIN_MS)) {
      if (waitMs > AGAIN_MS) counts.repeated++
      const answer = await post(key, amount)
      if (answer?.status === 202) return note(key, amount, answer.id)
      if (answer?.status === 422) breaches.push(`${key}: its own payment was refused`)
      await pause(waitMs * (0.5 + Math.random() / 2))
    }
  }

  function note(key: string, amount: number, paymentId: string): void {
    const before = told.get(key)
    if (before !== undefined && before.paymentId !== paymentId)
      breaches.push(`${key}: told ${before.paymentId} first and ${paymentId} later`)
    if (before === undefined) counts.answered++
    told.set(key, { key, amount, paymentId })
  }

  /** Another amount under a key that is taken: never accepted. */
  async function steal(key: string, amount: number): Promise<void> {
    const answer = await post(key, amount + 1)
    if (answer?.status === 422) counts.refused++
    if (answer?.status === 202) breaches.push(`${key}: a second body was accepted`)
  }

  async function pay(number: number, signal: AbortSignal): Promise<void> {
    const key = `chaos-${seed}-${number}`
    // Draws of its own: what comes first among payments is no matter of the seed.
    const random = createRandom(`${seed} ${number}`)
    const amount = random.between(1, 1_000_000)
    const oddity = random.next()
    counts.tried++
    if (oddity < TWICE) {
      counts.repeated++
      await Promise.all([insist(key, amount, signal), insist(key, amount, signal)])
    } else await insist(key, amount, signal)
    if (oddity > 1 - STOLEN_KEY && told.has(key)) await steal(key, amount)
  }

  return {
    counts,
    told,
    breaches,
    async run(signal) {
      const began = performance.now()
      const paying = new Set<Promise<void>>()
      for (let number = 0; number < payments && !signal.aborted; number++) {
        const waitMs = (number / payments) * durationMs - (performance.now() - began)
        if (waitMs > 1) await pause(waitMs)
        const one: Promise<void> = pay(number, signal).finally(() => paying.delete(one))
        paying.add(one)
      }
      await Promise.all(paying)
    },
  }
}
