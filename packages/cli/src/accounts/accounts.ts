import {
  ACCOUNT_ID,
  createAccountStore,
  databaseSettings,
  type Account,
  type AccountStore,
} from '@titan/payments'
import { choice, text } from '@titan/service'
import { command, requiredWords, type Session } from '../command.ts'
import { recorded } from '../commands/audit.ts'
import { formatTable, formatTimestamp } from '../output.ts'

const ACCOUNT = {
  form: ACCOUNT_ID,
  rule: '1 to 40 lower-case letters, digits or _ -, the first a letter or digit',
}

/** The id of the account that a command is about. */
const account = text(
  requiredWords('account', 'ID of the account.', 'id', 'the account is missing: run titan accounts list'),
  ACCOUNT,
)

const MODES = ['test', 'live'] as const

/** `titan accounts create`. */
export const accountsCreate = command({
  name: 'titan accounts create',
  description: 'Create an account. Code 1 if the id is taken.',
  settings: {
    account: text(
      requiredWords('account', 'ID of the account.', 'id', 'the id is missing: titan accounts create ID'),
      ACCOUNT,
    ),
    name: text(
      { flag: 'name', about: 'Name of the merchant.', shown: 'the id' },
      { fallback: '', form: /^\P{Cc}{1,100}$/u, rule: '1 to 100 printable characters' },
    ),
    mode: choice(
      { flag: 'mode', about: 'Money that its gateways move; it cannot be changed between test and live.' },
      ['any', ...MODES],
      'any',
    ),
  },
  groups: { config: databaseSettings },
  async run({ account: id, name, mode }, { database, print, complain }) {
    const sql = await database()
    const given = { id, name: name === '' ? id : name, mode: mode === 'any' ? null : mode }
    const created = await recorded(
      sql,
      { action: 'account.create', target: `${id}, mode ${mode}` },
      () => createAccountStore(sql).create(given),
      (result) => (result === undefined ? 'refused: the id is taken' : 'created'),
    )
    if (created === undefined) complain(`there is an account ${id} already`)
    else print(created, () => `created ${id}`)
    return created !== undefined
  },
})

/** `titan accounts list`. */
export const accountsList = command({
  name: 'titan accounts list',
  description: 'List accounts, oldest first.',
  settings: {},
  groups: { config: databaseSettings },
  async run(_, { database, print }) {
    const accounts = await createAccountStore(await database()).list()
    print({ accounts }, () => formatTable(accounts.map(rowOf), 'no accounts'))
    return true
  },
})

/** `titan accounts show`. */
export const accountsShow = command({
  name: 'titan accounts show',
  description: 'Show an account. Code 1 if it does not exist.',
  settings: { account },
  groups: { config: databaseSettings },
  async run({ account: id }, { database, print, complain }) {
    const found = await createAccountStore(await database()).get(id)
    if (found === undefined) complain(`there is no account ${id}`)
    else print(found, () => formatTable([rowOf(found)], ''))
    return found !== undefined
  },
})

function rowOf({ id, name, mode, pausedAt, createdAt }: Account) {
  return {
    id,
    name,
    mode: mode ?? 'any',
    state: pausedAt === null ? 'active' : 'paused',
    paused: formatTimestamp(pausedAt),
    created: formatTimestamp(createdAt),
  }
}

/** `titan accounts mark`. */
export const accountsMark = command({
  name: 'titan accounts mark',
  description:
    'Mark an account as test or live, for good. Code 1 if it does not exist, or if it or its credentials are of the other mode.',
  settings: {
    account,
    mode: choice({ flag: 'mode', about: 'Money that its gateways move.', isRequired: true }, MODES, 'test'),
  },
  groups: { config: databaseSettings },
  run: ({ account: id, mode }, session) =>
    change(id, session, {
      action: `account.mark-${mode}`,
      perform: (accounts) => accounts.mark(id, mode),
      missing: `there is no account ${id} that can be marked ${mode}`,
      done: `${id} is a ${mode} account`,
    }),
})

/** `titan accounts pause`. */
export const accountsPause = command({
  name: 'titan accounts pause',
  description:
    'Claim nothing more of an account, in every worker at once. Its payments are accepted and wait. Code 1 if it does not exist.',
  settings: { account },
  groups: { config: databaseSettings },
  run: ({ account: id }, session) =>
    change(id, session, {
      action: 'account.pause',
      perform: (accounts) => accounts.pause(id),
      missing: `there is no account ${id}`,
      done: `paused ${id}`,
    }),
})

/** `titan accounts resume`. */
export const accountsResume = command({
  name: 'titan accounts resume',
  description: 'Resume a paused account. Code 1 if it does not exist.',
  settings: { account },
  groups: { config: databaseSettings },
  // Everything that waits is released in one transaction.
  statementTimeoutMs: 0,
  run: ({ account: id }, session) =>
    change(id, session, {
      action: 'account.resume',
      perform: (accounts) => accounts.resume(id),
      missing: `there is no account ${id}`,
      done: `resumed ${id}`,
    }),
})

interface Change {
  readonly action: string
  perform(accounts: AccountStore): Promise<object | undefined>
  readonly missing: string
  readonly done: string
}

/** Changes an account, with a row in the audit record. */
async function change(
  id: string,
  { database, print, complain }: Session,
  { action, perform, missing, done }: Change,
): Promise<boolean> {
  const sql = await database()
  const changed = await recorded(
    sql,
    { action, target: id },
    () => perform(createAccountStore(sql)),
    (result) => (result === undefined ? `refused: ${missing}` : done),
  )
  if (changed === undefined) complain(missing)
  else print(changed, () => done)
  return changed !== undefined
}
