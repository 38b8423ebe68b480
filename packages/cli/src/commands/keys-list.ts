import { createApiKeyStore, type ApiKey } from '@titan/api/keys'
import type { DatabaseConfig } from '@titan/payments'
import { EXIT, type Program } from '@titan/service'
import { keysCommon, keysSettings, type KeysSettings } from './keys-settings.ts'
import { formatTimestamp, formatTable, writeResult } from '../output.ts'
import { withOpener } from '../stores.ts'

/** The program `titan keys list`. */
export const keysListProgram: Program<KeysSettings, { readonly config: DatabaseConfig }> = {
  ...keysCommon,
  name: 'titan keys list',
  description: 'List API keys, oldest first. Their tokens are not stored.',
  settings: keysSettings,
  run: ({ json, connectTimeoutMs }, { config }) =>
    withOpener({ name: 'titan keys list', config, connectTimeoutMs }, async (open) => {
      const keys = await createApiKeyStore(await open.database()).list()
      const now = Date.now()
      writeResult(json, { keys: keys.map((key) => ({ ...key, state: stateOf(key, now) })) }, () =>
        keys.length === 0 ? 'no API keys' : formatKeys(keys, now),
      )
      return EXIT.ok
    }),
}

function formatKeys(keys: readonly ApiKey[], now: number): string {
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.scope,
    stateOf(key, now),
    formatTimestamp(key.createdAt),
    formatTimestamp(key.expiresAt),
    formatTimestamp(key.lastUsedAt),
  ])
  return formatTable(['id', 'name', 'scope', 'state', 'created', 'expires', 'last used'], rows)
}

function stateOf({ revokedAt, expiresAt }: ApiKey, now: number): 'valid' | 'expired' | 'revoked' {
  if (revokedAt !== null) return 'revoked'
  return expiresAt !== null && expiresAt.getTime() <= now ? 'expired' : 'valid'
}
