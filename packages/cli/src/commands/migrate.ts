import { applyMigrations, databaseSettings, missingMigrations, type DatabaseConfig } from '@titan/payments'
import { EXIT, text, toggle, type Program, type SettingsGroup } from '@titan/service'
import { connectSetting } from './connect-setting.ts'
import { grantTo } from './grant.ts'
import { writeResult } from '../output.ts'
import { jsonSetting, version } from './queue.ts'
import { withOpener } from '../stores.ts'

/** The settings of `titan migrate`. */
export interface MigrateSettings {
  readonly dryRun: boolean
  /** '' grants nothing. */
  readonly grantTo: string
  readonly json: boolean
  readonly connectTimeoutMs: number
}

/** Where the database is, and the password of the role that is granted to; '' when the role exists. */
export interface MigrateConfig {
  readonly config: DatabaseConfig
  readonly rolePassword: string
}

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

/** The program `titan migrate`. */
export const migrateProgram: Program<MigrateSettings, MigrateConfig> = {
  name: 'titan migrate',
  version,
  description: 'Apply missing migrations, for programs that run with --no-migrate. Safe to repeat.',
  settings: {
    dryRun: toggle({ flag: 'dry-run', about: 'List missing migrations without applying them.' }, false),
    grantTo: text(
      {
        flag: 'grant-to',
        about: 'Role of the programs. It gets the privileges that they need, and owns nothing.',
        hint: 'role',
        shown: '',
      },
      { form: /^[a-z_][\w$-]{0,62}$/i, rule: 'the name of a role' },
    ),
    json: jsonSetting,
    connectTimeoutMs: connectSetting,
  },
  groups: { config: databaseSettings, rolePassword },
  run: ({ dryRun, grantTo: role, json, connectTimeoutMs }, { config, rolePassword: password }) =>
    // A migration may build an index on a large table.
    withOpener({ name: 'titan migrate', config, connectTimeoutMs, statementTimeoutMs: 0 }, async (open) => {
      const sql = await open.database()
      const migrations = dryRun ? await missingMigrations(sql) : await applyMigrations(sql)
      if (role !== '' && !dryRun) await grantTo(sql, role, password)
      const granted = role === '' || dryRun ? {} : { grantedTo: role }
      writeResult(json, { migrations, dryRun, ...granted }, () => {
        if (migrations.length === 0) return 'no migration is missing'
        return `${migrations.length} ${dryRun ? 'missing' : 'applied'}: ${migrations.join(', ')}`
      })
      return EXIT.ok
    }),
}
