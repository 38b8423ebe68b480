import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { WebhooksError } from './errors.ts'

const PREFIX = 'whsec_'
const MIN_BYTES = 24
const MAX_BYTES = 64
const NEW_BYTES = 32

/** Creates a signing secret: `whsec_` and base64 of 32 random bytes. */
export function newSecret() {
  return PREFIX + randomBytes(NEW_BYTES).toString('base64')
}

/** Checks a signing secret and returns it. @throws {WebhooksError} `INVALID_ENDPOINT` */
export function checkSecret(secret: string) {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : ''
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length >= MIN_BYTES && bytes.length <= MAX_BYTES && bytes.toString('base64') === text)
    return secret
  const message = `secret must be ${PREFIX} and base64 of ${MIN_BYTES} to ${MAX_BYTES} bytes`
  throw new WebhooksError('INVALID_ENDPOINT', message, { field: 'secret' })
}

/** Signs a body for one attempt (Standard Webhooks 1.0.0), with every secret that is valid: a receiver knows one of them. */
export function sign(
  { id, at, body }: { readonly id: string; readonly at: Date; readonly body: string },
  secrets: readonly string[],
) {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  }
}

const CIPHER = 'aes-256-gcm'
/** The layout of a sealed text: version, first bytes of the key's hash, nonce, tag, text. */
const VERSION = 1
const KEY_ID_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES

/**
 * Encrypts texts with AES-256-GCM, so that the database alone does not reveal them. A text opens only in the `context` that
 * it was sealed in, so it cannot be moved to another row.
 */
export class SecretBox {
  readonly #keys: readonly { readonly key: Uint8Array; readonly id: Buffer }[]

  /** The first key encrypts; the others open what was sealed before the keys changed. */
  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys.map((key) => ({
      key,
      id: createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES),
    }))
  }

  seal(text: string, context: string) {
    const [current] = this.#keys
    if (current === undefined) throw unreadable('there is no encryption key')
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, current.key, nonce).setAAD(Buffer.from(context))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([Buffer.of(VERSION), current.id, nonce, cipher.getAuthTag(), sealed])
  }

  /** @throws {WebhooksError} `SECRET_UNREADABLE` for an unknown key, another context, or an altered text */
  open(sealed: Uint8Array, context: string) {
    const bytes = Buffer.from(sealed)
    if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) throw unreadable('its layout is unknown')
    const id = bytes.subarray(1, 1 + KEY_ID_BYTES)
    const nonce = bytes.subarray(1 + KEY_ID_BYTES, HEAD_BYTES - TAG_BYTES)
    const tag = bytes.subarray(HEAD_BYTES - TAG_BYTES, HEAD_BYTES)
    const entry = this.#keys.find((candidate) => candidate.id.equals(id))
    if (entry === undefined) throw unreadable('its encryption key is not among those in use')
    try {
      const decipher = createDecipheriv(CIPHER, entry.key, nonce).setAAD(Buffer.from(context)).setAuthTag(tag)
      return decipher.update(bytes.subarray(HEAD_BYTES), undefined, 'utf8') + decipher.final('utf8')
    } catch (error) {
      throw unreadable('it was altered, or belongs to another row', error)
    }
  }
}

function unreadable(why: string, cause?: unknown) {
  return new WebhooksError('SECRET_UNREADABLE', `A stored secret cannot be read: ${why}`, { cause })
}
