import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * What a key may do; each contains the one before. `read`: everything that changes nothing. `write`: payments.
 * `admin`: the endpoints of webhooks, which decide who is told of all payments.
 */
export const API_KEY_SCOPES: readonly ['read', 'write', 'admin'] = ['read', 'write', 'admin']

/** One of {@link API_KEY_SCOPES}. */
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number]

/** A key as it may be shown. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly scope: ApiKeyScope
  readonly createdAt: Date
  readonly expiresAt: Date | null
  /** To the minute. */
  readonly lastUsedAt: Date | null
  readonly revokedAt: Date | null
}

/** A key as it is checked. */
export interface StoredKey extends ApiKey {
  /** SHA-256 of the secret. */
  readonly secretHash: Uint8Array
}

/** What is sent as `Authorization: Bearer titan_<id>_<secret>`, taken apart. */
export interface ApiToken {
  readonly id: string
  readonly secret: string
}

/** `titan_` makes tokens easy to find for those who look for secrets in files. */
const TOKEN = /^titan_([\da-f]{16})_([\w-]{43})$/

/** A new token of 256 random bits. */
export function newToken(): ApiToken {
  return { id: randomBytes(8).toString('hex'), secret: randomBytes(32).toString('base64url') }
}

/** The text that a caller sends. */
export function formatToken({ id, secret }: ApiToken): string {
  return `titan_${id}_${secret}`
}

/** Takes a token apart; undefined when the text is none. */
export function readToken(text: string): ApiToken | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

/** What is stored of a secret. */
export function hashSecret(secret: string): Uint8Array {
  return createHash('sha256').update(secret).digest()
}

/** Compares in the same time, whatever is equal. */
export function isSecretOf(secret: string, secretHash: Uint8Array): boolean {
  return timingSafeEqual(hashSecret(secret), secretHash)
}

/** Whether a key with the scope `given` may do what needs `needed`. */
export function includesScope(given: ApiKeyScope, needed: ApiKeyScope): boolean {
  return API_KEY_SCOPES.indexOf(given) >= API_KEY_SCOPES.indexOf(needed)
}
