import { loadPaymentsConfig, migrate, missingMigrations, type PaymentsConfig } from '@titan/payments'
import { EXIT, storeSettings, toggle, type Program } from '@titan/program'
import { connectSetting } from './connect-setting.ts'
import { writeAnswer } from './output.ts'
import { jsonSetting, version } from './queue-program.ts'
import { withOpener } from './stores.ts'

/** The settings of `titan migrate`. */
export interface MigrateSettings {
  readonly dryRun: boolean
  readonly json: boolean
  readonly connectTimeoutMs: number
}

/** The program `titan migrate`. */
export const migrateProgram: Program<MigrateSettings, PaymentsConfig> = {
  name: 'titan migrate',
  version,
  description:
    'Applies the migrations that are missing, for programs that run with --no-migrate; may be repeated',
  settings: {
    dryRun: toggle({ flag: 'dry-run', about: 'name what is missing, apply nothing' }, false),
    json: jsonSetting,
    connectTimeoutMs: connectSetting,
  },
  sharedSettings: storeSettings().filter(({ flag }) => flag === 'database-url'),
  // Redis is not asked.
  load: (environment) => loadPaymentsConfig({ ...environment, REDIS_URL: 'redis://none' }),
  run: ({ dryRun, json, connectTimeoutMs }, config) =>
    // A migration may build an index on a large table.
    withOpener({ name: 'titan migrate', config, connectTimeoutMs, statementTimeoutMs: 0 }, async (open) => {
      const sql = await open.database()
      const migrations = dryRun ? await missingMigrations(sql) : await migrate(sql)
      writeAnswer(json, { migrations, dryRun }, () => {
        if (migrations.length === 0) return 'no migration is missing'
        return `${migrations.length} ${dryRun ? 'missing' : 'applied'}: ${migrations.join(', ')}`
      })
      return EXIT.ok
    }),
}
