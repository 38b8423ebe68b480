import type { Log } from '@titan/service'
import { LRUCache } from 'lru-cache'
import { Problem } from '../problem.ts'
import { isSecretOf, readToken, type ApiKey, type StoredKey } from './api-key.ts'
import type { ApiKeyStore } from './key-store.ts'

/** Finds out who calls. */
export interface Authenticator {
  /**
   * The key that an `Authorization` header carries.
   *
   * @throws Problem `api-key-missing` or `api-key-invalid`; the error of the database when it cannot be asked
   */
  authenticate(header: string | undefined): Promise<ApiKey>
}

/** Options of {@link createAuthenticator}. */
export interface AuthenticatorOptions {
  readonly keys: Pick<ApiKeyStore, 'find' | 'touch'>
  readonly log: Log
}

/** A revocation takes effect after this long at the latest, in milliseconds. */
const CACHE_MS = 2_000
const MAX_CACHED = 10_000
const TOUCH_EVERY_MS = 60_000
const BEARER = /^Bearer +(\S+)$/i

/** Checks keys against the database, each at most once in two seconds. */
export function createAuthenticator({ keys, log }: AuthenticatorOptions): Authenticator {
  // Concurrent requests of one key share a look-up. Ids that do not exist are not kept.
  const cache = new LRUCache<string, StoredKey>({
    max: MAX_CACHED,
    ttl: CACHE_MS,
    ttlResolution: 0,
    fetchMethod: (id) => keys.find(id),
  })
  const touched = new WeakSet<StoredKey>()

  async function noteUse(key: StoredKey): Promise<void> {
    const isRecent = key.lastUsedAt !== null && Date.now() - key.lastUsedAt.getTime() < TOUCH_EVERY_MS
    if (isRecent || touched.has(key)) return
    touched.add(key)
    try {
      await keys.touch(key.id)
    } catch (error) {
      log.warn('api_key_use.lost', 'API key use not recorded', { error })
    }
  }

  return {
    async authenticate(header) {
      if (header === undefined) throw missing()
      const token = readToken(BEARER.exec(header)?.[1] ?? '')
      if (token === undefined) throw invalid()
      const key = await cache.fetch(token.id)
      // The same answer in every case: it tells nothing about the keys there are.
      if (key === undefined || !isSecretOf(token.secret, key.secretHash) || hasEnded(key)) throw invalid()
      await noteUse(key)
      return key
    },
  }
}

function hasEnded({ revokedAt, expiresAt }: ApiKey): boolean {
  return revokedAt !== null || (expiresAt !== null && expiresAt.getTime() <= Date.now())
}

function missing(): Problem {
  return new Problem('api-key-missing', { headers: { 'www-authenticate': 'Bearer realm="titan"' } })
}

function invalid(): Problem {
  return new Problem('api-key-invalid', {
    headers: { 'www-authenticate': 'Bearer realm="titan", error="invalid_token"' },
  })
}
