import type { Log } from '@titan/service'
import { LRUCache } from 'lru-cache'
import { Problem } from '../problem.ts'
import {
  isSecretOf,
  readToken,
  type ApiKey,
  type ApiKeyStore,
  type CheckedKey,
  type StoredKey,
} from './api-key.ts'

/** A revocation takes effect after this long at the latest, in milliseconds. */
const CACHE_MS = 2_000
const MAX_CACHED = 10_000
const TOUCH_EVERY_MS = 60_000
/** How to send a key; what is wrong with the one that was sent is added. */
export const CHALLENGE = 'Bearer realm="titan"'
const BEARER = /^Bearer +(\S+)$/i

/** Checks the keys of callers. */
export type Authenticator = ReturnType<typeof createAuthenticator>

/** Creates an authenticator that reads each key from the database at most once in two seconds. */
export function createAuthenticator(keys: Pick<ApiKeyStore, 'find' | 'touch'>, log: Log) {
  // Concurrent requests of one key share a look-up. Ids that do not exist are not kept.
  const cache = new LRUCache<string, StoredKey>({
    max: MAX_CACHED,
    ttl: CACHE_MS,
    ttlResolution: 0,
    fetchMethod: (id) => keys.find(id),
  })
  const touched = new WeakSet<StoredKey>()

  async function recordUse(key: StoredKey): Promise<void> {
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
    /**
     * Returns the key that an `Authorization` header carries.
     *
     * @throws Problem `api-key-missing` or `api-key-invalid`; the error of the database when it cannot be asked
     */
    async authenticate(header: string | undefined): Promise<CheckedKey> {
      if (header === undefined)
        throw new Problem('api-key-missing', { headers: { 'www-authenticate': CHALLENGE } })
      const token = readToken(BEARER.exec(header)?.[1] ?? '')
      const key = token === undefined ? undefined : await cache.fetch(token.id)
      // The same response in every case: it tells nothing about the keys there are.
      if (key === undefined || !isSecretOf(token?.secret ?? '', key) || hasEnded(key))
        throw new Problem('api-key-invalid', {
          headers: { 'www-authenticate': `${CHALLENGE}, error="invalid_token"` },
        })
      await recordUse(key)
      return key
    },
  }
}

function hasEnded({ revokedAt, expiresAt }: ApiKey): boolean {
  return revokedAt !== null || (expiresAt !== null && expiresAt.getTime() <= Date.now())
}
