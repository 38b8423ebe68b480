import { API_KEY_SCOPES, createApiKeyStore, type ApiKey } from '@titan/api/keys'
import { databaseSettings, DEFAULT_ACCOUNT } from '@titan/payments'
import { choice, text } from '@titan/service'
import { command, requiredWords } from '../command.ts'
import { formatTable, formatTimestamp } from '../output.ts'
import { accountSetting, requireAccount } from './accounts.ts'
import { recorded } from './audit.ts'
import { expirySetting } from './times.ts'

/** `titan keys create`. */
export const keysCreate = command({
  name: 'titan keys create',
  description: 'Create an API key and print its token once.',
  settings: {
    name: text(
      requiredWords(
        'name',
        'Name of the client.',
        'text',
        'the name of the client is missing: titan keys create NAME',
      ),
      { form: /^\P{Cc}{1,100}$/u, rule: '1 to 100 printable characters' },
    ),
    scope: choice(
      { flag: 'scope', about: 'Scope: write also changes payments, admin also webhook endpoints.' },
      API_KEY_SCOPES,
      'read',
    ),
    account: accountSetting('Account whose payments the key sees.'),
    expires: expirySetting,
  },
  groups: { config: databaseSettings },
  async run({ name, scope, account = DEFAULT_ACCOUNT, expires }, { database, print }) {
    const sql = await database()
    await requireAccount(sql, account)
    const of = account === DEFAULT_ACCOUNT ? '' : `, account ${account}`
    const { key, token } = await recorded(
      sql,
      { action: 'key.create', target: `${name}, scope ${scope}${of}` },
      () => createApiKeyStore(sql).create({ name, scope, account, expiresAt: expires }),
      (created) => `key ${created.key.id}`,
    )
    // The token alone on standard output: a script can take it as it is.
    print({ key, token }, () => token)
    const end = formatTimestamp(key.expiresAt) ?? 'never'
    process.stderr.write(
      `key ${key.id}, scope ${key.scope}${of}, expires ${end}; the token is not shown again\n`,
    )
    return true
  },
})

/** `titan keys list`. */
export const keysList = command({
  name: 'titan keys list',
  description: 'List API keys, oldest first. Their tokens are not stored.',
  settings: { account: accountSetting('Only keys of this account.') },
  groups: { config: databaseSettings },
  async run({ account: wanted }, { database, print }) {
    const found = await createApiKeyStore(await database()).list()
    const keys = found
      .filter(({ account }) => wanted === undefined || account === wanted)
      .map((key) => ({ ...key, state: stateOf(key) }))
    const hasAccounts = keys.some(({ account }) => account !== DEFAULT_ACCOUNT)
    print({ keys }, () =>
      formatTable(
        keys.map(({ id, name, account, scope, state, createdAt, expiresAt, lastUsedAt }) => ({
          id,
          name,
          ...(hasAccounts && { account }),
          scope,
          state,
          created: formatTimestamp(createdAt),
          expires: formatTimestamp(expiresAt),
          'last used': formatTimestamp(lastUsedAt),
        })),
        'no API keys',
      ),
    )
    return true
  },
})

function stateOf({ revokedAt, expiresAt }: ApiKey): 'valid' | 'expired' | 'revoked' {
  if (revokedAt !== null) return 'revoked'
  return expiresAt !== null && expiresAt.getTime() <= Date.now() ? 'expired' : 'valid'
}

/** `titan keys revoke`. */
export const keysRevoke = command({
  name: 'titan keys revoke',
  description:
    'Revoke API keys; every API stops accepting them within two seconds. Code 1 if one does not exist.',
  settings: {
    ids: text(
      requiredWords(
        'ids',
        'IDs of keys, separated by commas.',
        'id,…',
        'the id of a key is missing: run titan keys list',
      ),
      { form: /^[\da-f]{16}(,[\da-f]{16})*$/, rule: 'ids of keys, as shown by titan keys list' },
    ),
  },
  groups: { config: databaseSettings },
  async run({ ids }, { database, print, complain }) {
    const sql = await database()
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
    print({ revoked, missing }, () => `${revoked.length} revoked`)
    for (const id of missing) complain(`no such active key: ${id}`)
    return missing.length === 0
  },
})
