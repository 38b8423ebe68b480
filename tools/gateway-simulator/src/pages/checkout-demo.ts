import { randomUUID } from 'node:crypto'
import type { Context, Hono } from 'hono'
import type { Env } from '../exchange.ts'
import { pageOf } from './page.ts'

/** The program that takes payments, as the demonstration reaches it. */
export interface TitanTarget {
  /** Base URL of its API. */
  readonly url: string
  /** Its API key, where it requires one. It never reaches the browser. */
  readonly apiKey?: string | undefined
}

const TIMEOUT_MS = 10_000

/** Cards to try, and what their banks do. */
const CARDS = {
  pm_card_threeDSecure2Required: 'A card whose bank asks',
  pm_card_visa: 'A card whose bank does not ask',
}

/** Adds a shop with one page: it pays through Titan, follows the bank's question and shows how the payment ends. */
export function addCheckoutDemo(app: Hono<Env>, titan: TitanTarget): void {
  app.get('/checkout-demo', (c) => c.html(PAGE))
  app.post('/checkout-demo/payments', async (c) => {
    // Another site's form cannot send JSON, so nobody pays through a browser that only visits it.
    if (c.req.header('content-type') !== 'application/json') return c.json({ title: 'JSON only' }, 415)
    const { card } = await c.req.json<{ readonly card?: string }>()
    return forward(c, titan, '/pay', {
      amount: 4_200,
      currency: 'USD',
      idempotency_key: `checkout-demo-${randomUUID()}`,
      payment_method: card,
      customer_present: true,
      return_url: new URL('/checkout-demo', c.req.url).href,
    })
  })
  app.get('/checkout-demo/payments/:id', (c) => {
    const id = c.req.param('id')
    return /^pay_\w{1,64}$/.test(id) ? forward(c, titan, `/payments/${id}`) : c.notFound()
  })
}

/** Asks Titan for the browser, which has no key. */
async function forward(c: Context<Env>, { url, apiKey }: TitanTarget, path: string, body?: object) {
  const response = await fetch(new URL(path, url), {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'content-type': 'application/json',
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const text = await response.text()
  return c.body(text, response.status as 200, { 'content-type': 'application/json' })
}

const OPTIONS = Object.entries(CARDS).map(([card, about]) => `<option value="${card}">${about}</option>`)

/** Stripe adds `payment_intent` to the address that it sends the customer back to. */
const PAGE = pageOf(
  'Checkout demo',
  `<form>
  <p><label>Card <select name="card">${OPTIONS.join('')}</select></label></p>
  <p><button>Pay $42.00</button></p>
</form>
<p>Payment: <output id="payment">none</output><br>Status: <output id="status">none</output></p>
<script type="module">
const form = document.querySelector('form')
const show = (id, text) => (document.getElementById(id).textContent = text)
const isBack = new URLSearchParams(location.search).has('payment_intent')

async function ask(path, body) {
  const response = await fetch('/checkout-demo/payments' + path, body && {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.errors?.[0]?.detail ?? answer.detail ?? answer.title ?? response.status)
  return answer
}

async function follow(id) {
  show('payment', id)
  for (;;) {
    const { status, next_action } = await ask('/' + id)
    show('status', status)
    if (status === 'SUCCESS' || status === 'FAILED') return sessionStorage.removeItem('payment')
    if (next_action?.url && !isBack) return location.assign(next_action.url)
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  form.querySelector('button').disabled = true
  try {
    const { payment_id } = await ask('', { card: form.elements.card.value })
    sessionStorage.setItem('payment', payment_id)
    await follow(payment_id)
  } catch (error) {
    show('status', error.message)
  }
})
const known = sessionStorage.getItem('payment')
if (known) follow(known).catch((error) => show('status', error.message))
</script>`,
)
