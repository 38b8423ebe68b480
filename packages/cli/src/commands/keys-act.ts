import { API_KEY_SCOPES, createApiKeyStore, type ApiKeyScope } from '@titan/api/keys'
import type { DatabaseConfig } from '@titan/payments'
import { choice, EXIT, text, type Program } from '@titan/service'
import { expirySetting, keysCommon, keysSettings, type KeysSettings } from './keys-settings.ts'
import { formatMoment, writeAnswer } from '../output.ts'
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
  description: 'Creates an API key and prints its token once',
  settings: {
    name: text(
      { flag: 'name', about: 'name of the client', hint: 'text', shown: '' },
      '',
      /^\P{Cc}{1,100}$/u,
      '1 to 100 printable characters',
    ),
    scope: choice(
      {
        flag: 'scope',
        about: 'read: look; write: payments too; admin: webhook endpoints too',
      },
      API_KEY_SCOPES,
      'read',
    ),
    expires: expirySetting,
    ...keysSettings,
  },
  words: 'name',
  run: async ({ name, scope, expires, json, connectTimeoutMs }, { config }) => {
    if (name === '') {
      process.stderr.write('titan keys create: who is it for? Give a name\n')
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
      writeAnswer(json, { key, token }, () => token)
      const end = key.expiresAt === null ? 'never' : formatMoment(key.expiresAt)
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
  description: 'Revokes API keys within two seconds everywhere; code 1 if one does not exist',
  settings: {
    ids: text(
      {
        flag: 'ids',
        about: 'ids of keys, separated by commas',
        hint: 'id,…',
        shown: '',
      },
      '',
      /^[\da-f]{16}(,[\da-f]{16})*$/,
      'ids of keys, such as titan keys list shows',
    ),
    ...keysSettings,
  },
  words: 'ids',
  run: async ({ ids, json, connectTimeoutMs }, { config }) => {
    if (ids === '') {
      process.stderr.write('titan keys revoke: which keys? titan keys list names them\n')
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
          (result) => (result ? 'revoked' : 'there is no such key to revoke'),
        )
        ;(isRevoked ? revoked : missing).push(id)
      }
      writeAnswer(json, { revoked, missing }, () => `${revoked.length} revoked`)
      for (const id of missing) process.stderr.write(`titan keys revoke: there is no key ${id} to revoke\n`)
      return missing.length > 0 ? EXIT.failure : EXIT.ok
    })
  },
}
