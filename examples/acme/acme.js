// Charges at Acme, a gateway that does not exist. One file, which needs nothing but Node.
import { createHmac, timingSafeEqual } from 'node:crypto'

/** @import { ChargeOutcome, Gateway, GatewayFactory, GatewayRecord, GatewayWebhook } from '@titan/cli/gateway' */

/** Errors of connections that never were. ECONNRESET is none of them: it may come after the request was processed. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'UND_ERR_CONNECT_TIMEOUT'])
const SOFT_DECLINES = new Set(['insufficient_funds', 'try_again_later'])
const MAX_AGE_S = 300

/** @type {GatewayFactory} */
export default (environment) => new Acme(environment)

/** @implements {Gateway} */
class Acme {
  name = 'acme'
  signatureHeader = 'acme-signature'
  // Acme remembers keys for two days. A later repeat would be a new charge, so nothing is repeated after that.
  keyTtlMs = 48 * 3_600_000
  #base
  #authorization
  #webhookSecret

  /** @param {Readonly<Record<string, string | undefined>>} environment */
  constructor({ ACME_API_KEY, ACME_API_BASE, ACME_WEBHOOK_SECRET }) {
    if (!ACME_API_KEY) throw new Error('ACME_API_KEY must be set')
    this.#base = ACME_API_BASE || 'https://api.acme.example'
    this.#authorization = `Bearer ${ACME_API_KEY}`
    this.#webhookSecret = ACME_WEBHOOK_SECRET
  }

  /** @type {Gateway['charge']} */
  charge(request, { signal }) {
    const { gatewayKey, paymentId, attemptNo, amount, currency } = request
    const body = {
      payment: paymentId,
      attempt: attemptNo,
      amount,
      currency,
      source: request.paymentMethod,
      capture: request.capture !== 'manual',
      customer_present: request.customerPresent === true,
      return_url: request.returnUrl,
    }
    return this.#send('/charges', gatewayKey, body, signal)
  }

  /** @type {NonNullable<Gateway['move']>} */
  move({ kind, gatewayKey, chargeRef, amount, currency }, { signal }) {
    return this.#send(`/charges/${chargeRef}/${kind}`, gatewayKey, { amount, currency }, signal)
  }

  /** @type {NonNullable<Gateway['lookup']>} */
  async lookup({ gatewayKey }, { signal }) {
    try {
      const [operation] = await this.#list(`/operations?key=${encodeURIComponent(gatewayKey)}`, signal)
      return operation === undefined
        ? { type: 'NOT_FOUND' }
        : { type: 'FOUND', outcome: outcomeOf(operation) }
    } catch (error) {
      return { type: 'FAILED_TO_ASK', reason: reasonOf(error) }
    }
  }

  /** @type {NonNullable<Gateway['abandon']>} */
  async abandon(request, options) {
    await this.#send('/cancel', `${request.gatewayKey}_abandon`, { key: request.gatewayKey }, options.signal)
    return this.lookup(request, options)
  }

  /** @type {NonNullable<Gateway['list']>} */
  async list({ since, until, cursor = '0' }, { signal }) {
    const [from, to] = [since.toISOString(), until.toISOString()]
    const charges = await this.#list(`/charges?since=${from}&until=${to}&from=${cursor}`, signal)
    const next = charges.length === 0 ? undefined : String(Number(cursor) + charges.length)
    return { records: charges.map(recordOf), next }
  }

  /** @type {NonNullable<Gateway['parseWebhook']>} */
  parseWebhook(body, signature) {
    if (this.#webhookSecret) return readWebhook(Buffer.from(body), signature, this.#webhookSecret)
    return { type: 'REFUSED', cause: 'no_signature', reason: 'ACME_WEBHOOK_SECRET is not set' }
  }

  /**
   * Moves money, once per key.
   *
   * @param {string} path
   * @param {string} key
   * @param {object} body
   * @param {AbortSignal} signal
   * @returns {Promise<ChargeOutcome>}
   */
  async #send(path, key, body, signal) {
    if (signal.aborted) return { type: 'NOT_SENT', reason: 'given up before sending' }
    const authorization = this.#authorization
    try {
      const response = await fetch(this.#base + path, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(body),
        redirect: 'error',
        signal,
      })
      if (response.status === 429) return throttled(response)
      return response.ok ? outcomeOf(await response.json()) : unknown(`status ${response.status}`)
    } catch (error) {
      const reason = reasonOf(error)
      return NEVER_SENT.has(reason) ? { type: 'NOT_SENT', fault: 'network', reason } : unknown(reason)
    }
  }

  /**
   * Reads a list. What is not as documented says nothing, least of all that the list is empty.
   *
   * @param {string} path
   * @param {AbortSignal} signal
   * @returns {Promise<any[]>}
   */
  async #list(path, signal) {
    const headers = { authorization: this.#authorization }
    const response = await fetch(this.#base + path, { headers, redirect: 'error', signal })
    const { data } = response.ok ? await response.json() : {}
    if (!Array.isArray(data)) throw new Error(`no list, status ${response.status}`)
    return data
  }
}

/**
 * Reads a charge, capture, void or refund. What is not as documented proves nothing.
 *
 * @param {any} operation
 * @returns {ChargeOutcome}
 */
function outcomeOf(operation) {
  const { id: gatewayRef, status, amount, currency, code, url } = operation ?? {}
  if (typeof gatewayRef !== 'string' || !Number.isSafeInteger(amount)) return unknown('an unreadable answer')
  switch (status) {
    case 'succeeded':
      return { type: 'SUCCEEDED', gatewayRef, amount, currency }
    case 'authorized':
      return { type: 'AUTHORIZED', gatewayRef, amount, currency, expiresAt: null }
    case 'requires_action':
      return { type: 'REQUIRES_ACTION', gatewayRef, nextAction: { type: 'redirect', url }, expiresAt: null }
    case 'declined':
      return { type: 'DECLINED', gatewayRef, code, kind: SOFT_DECLINES.has(code) ? 'soft' : 'hard' }
    default:
      return unknown(`status ${status}`)
  }
}

/**
 * @param {any} charge
 * @returns {GatewayRecord}
 */
function recordOf({ id: gatewayRef, key: gatewayKey, amount, currency, at }) {
  return { kind: 'charge', status: 'succeeded', gatewayRef, gatewayKey, amount, currency, at: new Date(at) }
}

/**
 * Verifies and reads a webhook. Acme signs the time and the body: `t=1767225600,v1=5257a869…`.
 *
 * @param {Buffer} body
 * @param {string | undefined} signature
 * @param {string} secret
 * @returns {GatewayWebhook}
 */
function readWebhook(body, signature, secret) {
  const [, time = '', digest = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature ?? '') ?? []
  if (digest === '') return { type: 'REFUSED', cause: 'no_signature', reason: 'no signature of Acme' }
  const expected = createHmac('sha256', secret).update(`${time}.`).update(body).digest()
  if (!timingSafeEqual(expected, Buffer.from(digest, 'hex')))
    return { type: 'REFUSED', cause: 'bad_signature', reason: 'the signature is of another body or secret' }
  if (Math.abs(Date.now() / 1_000 - Number(time)) > MAX_AGE_S)
    return { type: 'REFUSED', cause: 'too_old', reason: 'signed too long ago' }
  const { id, type, operation } = JSON.parse(body.toString())
  const { payment: paymentId, attempt: attemptNo } = operation
  return { type: 'EVENT', eventId: id, eventType: type, paymentId, attemptNo, outcome: outcomeOf(operation) }
}

/**
 * @param {Response} response
 * @returns {ChargeOutcome}
 */
function throttled({ headers }) {
  const seconds = Number(headers.get('retry-after'))
  const retryAfterMs = seconds > 0 ? seconds * 1_000 : undefined
  return { type: 'NOT_SENT', fault: 'throttled', reason: 'status 429', retryAfterMs }
}

/**
 * The code of an error, which holds nothing of the request.
 *
 * @param {any} error
 * @returns {string}
 */
function reasonOf(error) {
  return error?.cause?.code ?? error?.code ?? error?.name ?? 'unknown'
}

/**
 * @param {string} reason
 * @returns {ChargeOutcome}
 */
function unknown(reason) {
  return { type: 'UNKNOWN', reason }
}
