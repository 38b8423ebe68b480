import { API_KEY_SCOPES, createApiKeyStore, type ApiKeyScope } from '@titan/api/keys'
import type { DatabaseConfig } from '@titan/payments'
import { choice, EXIT, text, type Program } from '@titan/service'
import { expirySetting, keysCommon, keysSettings, type KeysSettings } from './keys-settings.ts'
import { formatTimestamp, writeResult } from '../output.ts'
import { recorded } from './recorded.ts'
import { withOpener } from '../stores.ts'

/** The settings of `titan keys create`. */
export interface KeysCreateSettings extends KeysSettings {
  readonly name: string
  readonly scope: ApiKeyScope
  readonly expires: Date | undefined
}

/** The program `titan keys create`. */
export const keysCreateProgram: Program<KeysCreateSettings, { readonly config: DatabaseConfig }> = {
  ...keysCommon,
  name: 'titan keys create',
  description: 'Create an API key and print its token once.',
  settings: {
    name: text(
      { flag: 'name', takesWords: true, about: 'Name of the client.', hint: 'text', shown: '' },
      { form: /^\P{Cc}{1,100}$/u, rule: '1 to 100 printable characters' },
    ),
    scope: choice(
      {
        flag: 'scope',
        about:
          'What the key allows: read reads, write also changes payments, admin also changes webhook endpoints.',
      },
      API_KEY_SCOPES,
      'read',
    ),
    expires: expirySetting,
    ...keysSettings,
  },
  run: async ({ name, scope, expires, json, connectTimeoutMs }, { config }) => {
    if (name === '') {
      process.stderr.write('titan keys create: the name of the client is missing: titan keys create NAME\n')
      return EXIT.usage
    }
    return withOpener({ name: 'titan keys create', config, connectTimeoutMs }, async (open) => {
      const sql = await open.database()
      const { key, token } = await recorded(
        sql,
        { action: 'key.create', target: `${name}, scope ${scope}` },
        () => createApiKeyStore(sql).create({ name, scope, expiresAt: expires }),
        (created) => `key ${created.key.id}`,
      )
      // The token alone on standard output: a script can take it as it is.
      writeResult(json, { key, token }, () => token)
      const end = key.expiresAt === null ? 'never' : formatTimestamp(key.expiresAt)
      process.stderr.write(
        `key ${key.id}, scope ${key.scope}, expires ${end}; the token is not shown again\n`,
      )
      return EXIT.ok
    })
  },
}

/** The settings of `titan keys revoke`. */
export interface KeysRevokeSettings extends KeysSettings {
  /** Separated by commas. */
  readonly ids: string
}

/** The program `titan keys revoke`. */
export const keysRevokeProgram: Program<KeysRevokeSettings, { readonly config: DatabaseConfig }> = {
  ...keysCommon,
  name: 'titan keys revoke',
  description:
    'Revoke API keys; every API stops accepting them within two seconds. Code 1 if one does not exist.',
  settings: {
    ids: text(
      { flag: 'ids', takesWords: true, about: 'IDs of keys, separated by commas.', hint: 'id,…', shown: '' },
      { form: /^[\da-f]{16}(,[\da-f]{16})*$/, rule: 'ids of keys, as shown by titan keys list' },
    ),
    ...keysSettings,
  },
  run: async ({ ids, json, connectTimeoutMs }, { config }) => {
    if (ids === '') {
      process.stderr.write('titan keys revoke: the id of a key is missing: run titan keys list\n')
      return EXIT.usage
    }
    return withOpener({ name: 'titan keys revoke', config, connectTimeoutMs }, async (open) => {
      const sql = await open.database()
      const keys = createApiKeyStore(sql)
      const revoked: string[] = []
      const missing: string[] = []
      for (const id of new Set(ids.split(','))) {
        const isRevoked = await recorded(
          sql,
          { action: 'key.revoke', target: id },
          () => keys.revoke(id),
          (result) => (result ? 'revoked' : 'no such active key'),
        )
        ;(isRevoked ? revoked : missing).push(id)
      }
      writeResult(json, { revoked, missing }, () => `${revoked.length} revoked`)
      for (const id of missing) process.stderr.write(`titan keys revoke: no such active key: ${id}\n`)
      return missing.length > 0 ? EXIT.failure : EXIT.ok
    })
  },
}
