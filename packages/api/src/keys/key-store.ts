import type { Database } from '@titan/payments'
import {
  formatToken,
  hashSecret,
  newToken,
  type ApiKey,
  type ApiKeyScope,
  type StoredKey,
} from './api-key.ts'

/** What a key is made of. */
export interface NewApiKey {
  /** For people; 1 to 100 characters. */
  readonly name: string
  readonly scope: ApiKeyScope
  /** @default never */
  readonly expiresAt?: Date | undefined
}

/** The keys of the API's callers. */
export interface ApiKeyStore {
  /** Makes a key. The token is known here and never again. */
  create(given: NewApiKey): Promise<{ readonly key: ApiKey; readonly token: string }>
  /** Oldest first, revoked and expired ones too. */
  list(): Promise<ApiKey[]>
  /** Ends a key; false when there is no such key that is not revoked yet. */
  revoke(id: string): Promise<boolean>
  find(id: string): Promise<StoredKey | undefined>
  /** Notes that a key was used just now. */
  touch(id: string): Promise<void>
}

interface KeyRow {
  readonly id: string
  readonly name: string
  readonly secret_hash: Uint8Array
  readonly scope: ApiKeyScope
  readonly created_at: Date
  readonly expires_at: Date | null
  readonly last_used_at: Date | null
  readonly revoked_at: Date | null
}

/** The store over an open, migrated database. */
export function createApiKeyStore(sql: Database): ApiKeyStore {
  return {
    async create({ name, scope, expiresAt }) {
      const token = newToken()
      const [row] = await sql<[KeyRow]>`
        insert into api_keys (id, name, secret_hash, scope, expires_at)
        values (${token.id}::text, ${name}::text, ${hashSecret(token.secret)}::bytea, ${scope}::text,
                ${expiresAt ?? null}::timestamptz)
        returning *`
      return { key: toApiKey(row), token: formatToken(token) }
    },
    async list() {
      const rows = await sql<KeyRow[]>`select * from api_keys order by created_at, id`
      return rows.map(toApiKey)
    },
    async revoke(id) {
      const rows = await sql`
        update api_keys set revoked_at = clock_timestamp()
         where id = ${id}::text and revoked_at is null returning id`
      return rows.length > 0
    },
    async find(id) {
      const [row] = await sql<KeyRow[]>`select * from api_keys where id = ${id}::text`
      return row && { ...toApiKey(row), secretHash: row.secret_hash }
    },
    async touch(id) {
      await sql`
        update api_keys set last_used_at = clock_timestamp()
         where id = ${id}::text
           and (last_used_at is null or last_used_at < clock_timestamp() - interval '1 minute')`
    },
  }
}

function toApiKey(row: KeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    scope: row.scope,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  }
}
