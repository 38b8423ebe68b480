import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { WebhooksError } from './errors.ts'

const PREFIX = 'whsec_'
const MIN_BYTES = 24
const MAX_BYTES = 64
const NEW_BYTES = 32

/** Creates a signing secret: `whsec_` and base64 of 32 random bytes. */
export function newSecret(): string {
  return PREFIX + randomBytes(NEW_BYTES).toString('base64')
}

/** Checks a signing secret and returns it. @throws {WebhooksError} `INVALID_ENDPOINT` */
export function checkSecret(secret: string): string {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : ''
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length >= MIN_BYTES && bytes.length <= MAX_BYTES && bytes.toString('base64') === text)
    return secret
  throw new WebhooksError(
    'INVALID_ENDPOINT',
    `secret must be ${PREFIX} and base64 of ${MIN_BYTES} to ${MAX_BYTES} bytes`,
    { field: 'secret' },
  )
}

/** The headers of a signed webhook (Standard Webhooks 1.0.0). */
export interface SignedHeaders {
  readonly 'webhook-id': string
  /** Unix seconds. */
  readonly 'webhook-timestamp': string
  /** One signature per secret, separated by spaces; the receiver uses the one it knows. */
  readonly 'webhook-signature': string
}

/** Signs a body for one attempt with every secret that is valid. */
export function sign(
  { id, at, body }: { readonly id: string; readonly at: Date; readonly body: string },
  secrets: readonly string[],
): SignedHeaders {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  }
}
