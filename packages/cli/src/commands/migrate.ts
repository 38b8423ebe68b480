import { readFile } from 'node:fs/promises'
import { applyMigrations, codeOf, databaseSettings, missingMigrations, type Database } from '@titan/payments'
import { Failure, optionalText, toggle, type SettingsGroup } from '@titan/service'
import { command } from '../command.ts'

const rolePassword: SettingsGroup<string> = {
  sections: [
    {
      title: 'With --grant-to',
      settings: [
        {
          env: 'APP_ROLE_PASSWORD',
          about:
            'Password of the role, which is created if it does not exist. Without it the role must exist.',
          hint: '',
          shown: '',
        },
      ],
    },
  ],
  // Taken as it is: spaces at its ends may belong to it.
  read: ({ environment }) => environment['APP_ROLE_PASSWORD'] ?? '',
}

/** `titan migrate`. */
export const migrate = command({
  name: 'titan migrate',
  description: 'Apply missing migrations, for programs that run with --no-migrate. Safe to repeat.',
  settings: {
    dryRun: toggle({ flag: 'dry-run', about: 'List missing migrations without applying them.' }, false),
    grantTo: optionalText(
      {
        flag: 'grant-to',
        about: 'Role of the programs. It gets the privileges that they need, and owns nothing.',
        hint: 'role',
      },
      { form: /^[a-z_][\w$-]{0,62}$/i, rule: 'the name of a role' },
    ),
  },
  groups: { config: databaseSettings, rolePassword },
  // A migration may build an index on a large table.
  statementTimeoutMs: 0,
  async run({ dryRun, grantTo: role }, { rolePassword: password, database, print }) {
    const sql = await database()
    const migrations = dryRun ? await missingMigrations(sql) : await applyMigrations(sql)
    const grantedTo = dryRun ? undefined : role
    if (grantedTo !== undefined) await grantTo(sql, grantedTo, password)
    print({ migrations, dryRun, grantedTo }, () => {
      if (migrations.length === 0) return 'no migration is missing'
      return `${migrations.length} ${dryRun ? 'missing' : 'applied'}: ${migrations.join(', ')}`
    })
    return true
  },
})

const GRANTS = new URL('../../../../sql/grants.sql', import.meta.url)
/** Codes of PostgreSQL: no such role; not allowed to make or change one. */
const UNDEFINED_OBJECT = '42704'
const FORBIDDEN = '42501'

/**
 * Grants a role what the programs need and takes the rest from it. May be repeated.
 *
 * @param password creates the role if it is missing, and sets its password; '' leaves both alone
 * @throws Failure when the role is missing, is the one that runs this, or may not be changed
 */
async function grantTo(sql: Database, role: string, password: string): Promise<void> {
  const text = await readFile(GRANTS, 'utf8')
  try {
    await sql.begin(async (transaction) => {
      const [own] = await transaction<{ name: string }[]>`select current_user::text as name`
      if (own?.name === role)
        throw new Failure(`the role ${role} runs the migrations and owns the tables: grant to another role`)
      // Two grants at once would fail: each changes the same rows of the catalogue.
      await transaction`select pg_advisory_xact_lock(hashtext('titan grants'))`
      await transaction`
        select set_config('titan.grantee', ${role}::text, true), set_config('titan.password', ${password}::text, true)`
      await transaction.unsafe(text)
    })
  } catch (error) {
    const advice: Readonly<Record<string, string>> = {
      [UNDEFINED_OBJECT]: `role ${role} does not exist: create it (create role ${role} login password '…'), or set APP_ROLE_PASSWORD`,
      [FORBIDDEN]: `this role may not grant to ${role}: run titan migrate as the owner of the tables`,
    }
    const text = advice[codeOf(error)]
    throw text === undefined ? error : new Failure(text, { cause: error })
  }
}
