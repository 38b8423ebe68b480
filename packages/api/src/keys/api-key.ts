import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { DEFAULT_ACCOUNT, storedKeyOf, type AccountFacts, type Database } from '@titan/payments'

/**
 * What a key may do; each contains the one before. `read`: everything that changes nothing. `write`: payments.
 * `admin`: webhook endpoints, which decide who receives the events of all payments.
 */
export const API_KEY_SCOPES = ['read', 'write', 'admin'] as const

/** One of {@link API_KEY_SCOPES}. */
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number]

/** A key as it may be shown. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  /** Whose payments it sees. */
  readonly account: string
  readonly scope: ApiKeyScope
  readonly createdAt: Date
  readonly expiresAt: Date | null
  /** To the minute. */
  readonly lastUsedAt: Date | null
  readonly revokedAt: Date | null
}

/** A key that was checked, and what its account says about gateways. */
export interface CheckedKey extends ApiKey {
  readonly facts: AccountFacts
}

/** A key as it is checked. */
export interface StoredKey extends CheckedKey {
  /** SHA-256 of the secret and its account. */
  readonly secretHash: Uint8Array
}

/** A key to create. */
interface NewApiKey {
  /** For people; 1 to 100 characters. */
  readonly name: string
  readonly scope: ApiKeyScope
  /** @default 'default' */
  readonly account?: string | undefined
  /** @default never */
  readonly expiresAt?: Date | undefined
}

/** `Authorization: Bearer titan_<id>_<secret>`; the prefix is for those who search files for secrets. */
const TOKEN = /^titan_([\da-f]{16})_([\w-]{43})$/

/** Takes a token apart; undefined when the text is none. */
export function readToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

/** The account is part of it: a program that does not know accounts refuses the key instead of taking it for one of default. */
function hashSecret(secret: string, account: string): Uint8Array {
  return createHash('sha256').update(storedKeyOf(account, secret)).digest()
}

/** Compares in the same time, whatever is equal. */
export function isSecretOf(secret: string, { account, secretHash }: StoredKey): boolean {
  return timingSafeEqual(hashSecret(secret, account), secretHash)
}

/** Returns whether a key with the scope `given` may do what needs `needed`. */
export function includesScope(given: ApiKeyScope, needed: ApiKeyScope): boolean {
  return API_KEY_SCOPES.indexOf(given) >= API_KEY_SCOPES.indexOf(needed)
}

/** The keys of the API's callers. */
export type ApiKeyStore = ReturnType<typeof createApiKeyStore>

/** Creates the store over an open, migrated database. */
export function createApiKeyStore(sql: Database) {
  const shown = sql`
    id, name, coalesce(account, ${DEFAULT_ACCOUNT}) as account, scope, created_at as "createdAt", expires_at as "expiresAt", last_used_at as "lastUsedAt",
    revoked_at as "revokedAt"`
  return {
    /** Creates a key with 256 random bits. The token is known here and never again. */
    async create({ name, scope, account = DEFAULT_ACCOUNT, expiresAt }: NewApiKey) {
      const id = randomBytes(8).toString('hex')
      const secret = randomBytes(32).toString('base64url')
      const [key] = await sql<[ApiKey]>`
        insert into api_keys (id, name, account, secret_hash, scope, expires_at)
        values (${id}::text, ${name}::text, nullif(${account}::text, ${DEFAULT_ACCOUNT}), ${hashSecret(secret, account)}::bytea,
                ${scope}::text, ${expiresAt ?? null}::timestamptz)
        returning ${shown}`
      return { key, token: `titan_${id}_${secret}` }
    },
    /** Lists the keys, oldest first, revoked and expired ones too. */
    async list(): Promise<ApiKey[]> {
      return await sql<ApiKey[]>`select ${shown} from api_keys order by created_at, id`
    },
    /** Revokes a key; false when there is no such key that is not revoked yet. */
    async revoke(id: string) {
      const rows = await sql`
        update api_keys set revoked_at = clock_timestamp()
         where id = ${id}::text and revoked_at is null returning id`
      return rows.length > 0
    },
    async find(id: string) {
      const [key] = await sql<StoredKey[]>`
        select ${shown}, secret_hash as "secretHash",
               (select jsonb_build_object('mode', a.mode, 'credentials', coalesce(
                         (select jsonb_object_agg(c.gateway, c.mode) from gateway_credentials c
                           where c.account = a.id and c.ended_at is null), '{}'))
                  from accounts a where a.id = coalesce(account, ${DEFAULT_ACCOUNT})) as facts
          from api_keys where id = ${id}::text`
      return key
    },
    /** Records that a key was used just now. */
    async touch(id: string) {
      await sql`
        update api_keys set last_used_at = clock_timestamp()
         where id = ${id}::text
           and (last_used_at is null or last_used_at < clock_timestamp() - interval '1 minute')`
    },
  }
}
