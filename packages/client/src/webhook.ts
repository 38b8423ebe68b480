import { createHmac, timingSafeEqual } from 'node:crypto'
import { TitanError } from './errors.ts'
import { decodeText, parseJson } from './json.ts'
import type { WebhookPayload } from './openapi.ts'

/** The headers of a request: those of `fetch`, or those of `node:http`. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/** A verified webhook. */
export interface VerifiedWebhook {
  /** The `webhook-id`: the same in every attempt. Remember it for four days and ignore repeats. */
  readonly id: string
  /** What happened; later versions of the API send more types. */
  readonly event: WebhookPayload
}

/** Options of {@link verifyWebhook}. */
export interface VerifyWebhookOptions {
  /** How far the clocks may differ, in milliseconds. @default 300000 */
  readonly toleranceMs?: number | undefined
}

const DEFAULT_TOLERANCE_MS = 300_000
const PREFIX = 'whsec_'
/** A sender signs with two secrets at most; a header with thousands would only cost time. */
const MAX_SIGNATURES = 10

/**
 * Verifies a webhook (Standard Webhooks 1.0.0) and returns its event. `body` has to be the bytes as they came, or their
 * text: JSON that was parsed and written again is another text. While a secret is being rotated, pass both.
 *
 * @throws {TitanError} `WEBHOOK_NOT_VERIFIED`; `INVALID_ARGUMENT` for a malformed secret
 */
export function verifyWebhook(
  headers: WebhookHeaders,
  body: string | Uint8Array,
  secrets: string | readonly string[],
  { toleranceMs = DEFAULT_TOLERANCE_MS }: VerifyWebhookOptions = {},
): VerifiedWebhook {
  const keys = (typeof secrets === 'string' ? [secrets] : secrets).map(keyOf)
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    throw new TitanError('INVALID_ARGUMENT', 'body must be the text or bytes as they came, not parsed JSON')
  if (keys.length === 0) throw new TitanError('INVALID_ARGUMENT', 'verifyWebhook needs at least one secret')
  const id = headerOf(headers, 'webhook-id')
  const timestamp = headerOf(headers, 'webhook-timestamp')
  const signatures = headerOf(headers, 'webhook-signature').split(' ').slice(0, MAX_SIGNATURES)
  const given = signatures.flatMap((text) => (text.startsWith('v1,') ? [Buffer.from(text.slice(3))] : []))
  const expected = keys.map((key) =>
    Buffer.from(createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')),
  )
  // Every pair is compared, so that the time does not tell which secret or signature fits.
  const matches = expected.flatMap((own) => given.filter((other) => isEqual(own, other)))
  if (matches.length === 0) throw notVerified('no signature matches the body and a secret')
  const isRecent =
    /^\d{1,12}$/.test(timestamp) && Math.abs(Date.now() - Number(timestamp) * 1_000) <= toleranceMs
  if (!isRecent) throw notVerified('its timestamp is too far from this clock')
  return { id, event: eventIn(body) }
}

function eventIn(body: string | Uint8Array): WebhookPayload {
  try {
    return parseJson(typeof body === 'string' ? body : decodeText(body)) as WebhookPayload
  } catch (error) {
    throw error instanceof TitanError ? error : notVerified('its body is not JSON')
  }
}

function keyOf(secret: string): Buffer {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret
  const key = Buffer.from(text, 'base64')
  // Node skips what is not base64: a wrong secret would be a shorter key.
  if (key.length === 0 || key.toString('base64') !== text)
    throw new TitanError('INVALID_ARGUMENT', `A webhook secret must be ${PREFIX} and base64`)
  return key
}

function headerOf(headers: WebhookHeaders, name: string): string {
  if (headers instanceof Headers) return headers.get(name) ?? missing(name)
  const [, value] = Object.entries(headers).find(([other]) => other.toLowerCase() === name) ?? []
  return typeof value === 'string' ? value : missing(name)
}

function missing(name: string): never {
  throw notVerified(`the header ${name} is missing, or there is more than one`)
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function notVerified(why: string): TitanError {
  return new TitanError('WEBHOOK_NOT_VERIFIED', `The webhook is not verified: ${why}`)
}
