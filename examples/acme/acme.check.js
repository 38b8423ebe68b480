// What `titan gateways check ./acme.js` needs to know of Acme: a server that behaves like it, and what to send there.
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'

/** @import { AddressInfo } from 'node:net' */
/** @import { ChargeRequest, GatewayCheck } from '@titan/cli/gateway' */

const API_KEY = 'acme_test_51f0c2'
const WEBHOOK_SECRET = 'acme_whsec_9d31'

/** @type {GatewayCheck} */
export default {
  environment: (url) => ({ ACME_API_KEY: API_KEY, ACME_API_BASE: url, ACME_WEBHOOK_SECRET: WEBHOOK_SECRET }),
  secrets: ['ACME_API_KEY', 'ACME_WEBHOOK_SECRET'],
  samples: {
    succeeds: { amount: 1_999, currency: 'USD', paymentMethod: 'card_ok' },
    declinedHard: { amount: 1_999, currency: 'USD', paymentMethod: 'card_stolen_card' },
    declinedSoft: { amount: 1_999, currency: 'USD', paymentMethod: 'card_insufficient_funds' },
    asksCustomer: { amount: 1_999, currency: 'USD', paymentMethod: 'card_asks' },
  },
  start: startAcme,
}

/** Starts a server that does what Acme documents: it keeps keys, charges and refunds. */
async function startAcme() {
  const books = new Books()
  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://acme')
    const isAllowed = request.headers.authorization === `Bearer ${API_KEY}`
    response.writeHead(isAllowed ? 200 : 401, { 'content-type': 'application/json' })
    if (!isAllowed) return response.end('{}')
    if (request.method === 'GET')
      return response.end(JSON.stringify({ data: books.read(pathname, searchParams) }))
    const key = request.headers['idempotency-key']?.toString()
    response.end(JSON.stringify(books.act(pathname, key, JSON.parse(Buffer.concat(chunks).toString()))))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = /** @type {AddressInfo} */ (server.address())
  return {
    url: `http://127.0.0.1:${port}`,
    /** @param {ChargeRequest} request */
    charges: async ({ paymentId, attemptNo }) =>
      books.charges().filter(({ payment, attempt }) => payment === paymentId && attempt === attemptNo),
    webhook: signWebhook,
    async close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** @param {ChargeRequest} request @param {Date} at */
function signWebhook({ paymentId: payment, attemptNo: attempt, amount, currency }, at) {
  const operation = { payment, attempt, amount, currency, id: 'ch_w', status: 'succeeded' }
  const body = JSON.stringify({ id: `evt_${payment}`, type: 'charge.succeeded', operation })
  const time = Math.floor(at.getTime() / 1_000)
  const digest = createHmac('sha256', WEBHOOK_SECRET).update(`${time}.${body}`).digest('hex')
  return { body, signature: `t=${time},v1=${digest}` }
}

class Books {
  /** What each key did: a repeat gets the same answer. @type {Map<string, any>} */
  #operations = new Map()

  /** Charges that moved money. */
  charges() {
    return [...this.#operations.values()].filter(
      ({ key, status }) => key !== undefined && status === 'succeeded',
    )
  }

  /** @param {string} path @param {URLSearchParams} query */
  read(path, query) {
    const found = this.#operations.get(query.get('key') ?? '')
    if (path !== '/charges') return found === undefined ? [] : [found]
    const [since = 0, until = 0] = ['since', 'until'].map((name) => Date.parse(query.get(name) ?? ''))
    const from = Number(query.get('from'))
    return this.charges()
      .filter(({ at }) => at >= since && at < until)
      .slice(from, from + 2)
  }

  /** Without a key, each request is another operation. @param {string} path @param {string | undefined} key @param {any} body */
  act(path, key = `none ${this.#operations.size}`, body) {
    const [, chargeId = '', kind = ''] = /^\/charges\/(\w+)\/(\w+)$/.exec(path) ?? []
    const known = this.#operations.get(key)
    if (known !== undefined) return known
    const made = { ...body, id: `op_${this.#operations.size + 1}`, at: Date.now() }
    if (kind !== '') Object.assign(made, this.#move(chargeId, kind, body))
    else Object.assign(made, path === '/charges' ? chargeOf(key, body) : this.#cancel(body))
    this.#operations.set(key, made)
    return made
  }

  /** @param {string} chargeId @param {string} kind @param {any} body */
  #move(chargeId, kind, { amount }) {
    const charge = [...this.#operations.values()].find(({ id }) => id === chargeId)
    const isRefund = kind === 'refund'
    const left = charge.amount - charge.refunded
    if (charge.status !== (isRefund ? 'succeeded' : 'authorized') || amount > left)
      return { status: 'declined', code: `${kind}_refused` }
    if (isRefund) charge.refunded += amount
    else if (kind === 'capture') Object.assign(charge, { status: 'succeeded', amount })
    else Object.assign(charge, { status: 'declined', code: 'voided' })
    return { status: 'succeeded' }
  }

  /** @param {any} body */
  #cancel({ key }) {
    const charge = this.#operations.get(key)
    if (charge?.status === 'requires_action') Object.assign(charge, { status: 'declined', code: 'canceled' })
    return { key: undefined, status: 'declined', code: 'canceled' }
  }
}

/** @param {string} key @param {any} body */
function chargeOf(key, { source, capture, customer_present: isPresent }) {
  const facts = { key, refunded: 0 }
  if (source === 'card_ok') return { ...facts, status: capture ? 'succeeded' : 'authorized' }
  if (source !== 'card_asks') return { ...facts, status: 'declined', code: source?.replace('card_', '') }
  return isPresent
    ? { ...facts, status: 'requires_action', url: 'https://bank.example/question' }
    : { ...facts, status: 'declined', code: 'authentication_required' }
}
