import { loadPaymentsConfig, type Environment } from '@titan/payments'
import { storeSettings, type SettingNames } from '@titan/service'

/** Where a command finds its servers. */
export interface ServersConfig {
  /** Undefined when it was not given: the command then does without. */
  readonly databaseUrl: string | undefined
  readonly redisUrl: string
  /** First part of every Redis key. */
  readonly prefix: string
}

/** The settings of commands that look at a queue, and at PostgreSQL at most beside it. */
export const serverSettings: readonly SettingNames[] = storeSettings().filter(
  ({ flag }) => flag !== 'database-pool-size',
)

/** The settings of commands that need Redis alone. */
export const queueSettings: readonly SettingNames[] = serverSettings.filter(
  ({ flag }) => flag !== 'database-url',
)

/** Stands for a database that is not asked: a queue can be steered without PostgreSQL, and without a record then. */
const NO_DATABASE = 'postgres://none'

/** Reads where the servers are; only Redis must be given. @throws {PaymentsError} `INVALID_CONFIG` */
export function loadServersConfig(environment: Environment): ServersConfig {
  const given = environment['DATABASE_URL']?.trim() ?? ''
  const { databaseUrl, redisUrl, prefix } = loadPaymentsConfig({
    ...environment,
    DATABASE_URL: given === '' ? NO_DATABASE : given,
  })
  return { databaseUrl: given === '' ? undefined : databaseUrl, redisUrl, prefix }
}
