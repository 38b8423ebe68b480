import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { WebhooksError } from './errors.ts'

/** Encrypts texts, so that the database alone does not reveal them. */
export interface SecretBox {
  /** Encrypts under the first key. Opening needs the same `context`, so that a text cannot be moved to another row. */
  seal(text: string, context: string): Buffer
  /** @throws {WebhooksError} `SECRET_UNREADABLE` for an unknown key, another context, or an altered text */
  open(sealed: Uint8Array, context: string): string
}

const CIPHER = 'aes-256-gcm'
/** The layout of a sealed text: version, first bytes of the key's hash, nonce, tag, text. */
const VERSION = 1
const KEY_ID_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES

/** Creates a box with AES-256-GCM. The first key encrypts; the others open what was sealed before the keys changed. */
export function createSecretBox(keys: readonly Uint8Array[]): SecretBox {
  const ring = keys.map((key) => ({ key, id: keyIdOf(key) }))
  return {
    seal(text, context) {
      const [current] = ring
      if (current === undefined) throw unreadable('there is no encryption key')
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, current.key, nonce).setAAD(Buffer.from(context))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.of(VERSION), current.id, nonce, cipher.getAuthTag(), sealed])
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed)
      if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) throw unreadable('its layout is unknown')
      const id = bytes.subarray(1, 1 + KEY_ID_BYTES)
      const nonce = bytes.subarray(1 + KEY_ID_BYTES, HEAD_BYTES - TAG_BYTES)
      const tag = bytes.subarray(HEAD_BYTES - TAG_BYTES, HEAD_BYTES)
      const entry = ring.find((candidate) => candidate.id.equals(id))
      if (entry === undefined) throw unreadable('its encryption key is not among those in use')
      try {
        const decipher = createDecipheriv(CIPHER, entry.key, nonce)
          .setAAD(Buffer.from(context))
          .setAuthTag(tag)
        return decipher.update(bytes.subarray(HEAD_BYTES), undefined, 'utf8') + decipher.final('utf8')
      } catch (error) {
        throw unreadable('it was altered, or belongs to another endpoint', error)
      }
    },
  }
}

function keyIdOf(key: Uint8Array): Buffer {
  return createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES)
}

function unreadable(why: string, cause?: unknown): WebhooksError {
  return new WebhooksError('SECRET_UNREADABLE', `A stored secret cannot be read: ${why}`, { cause })
}
