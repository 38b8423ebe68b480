import { connectDatabase, isTableMissing, LedgerError, NO_TABLES, type Database } from '@titan/payments'
import { isInstance, textOf } from '@titan/queue-core/text-of'
import {
  createLog,
  createRedis,
  explainStore,
  EXIT,
  Failure,
  milliseconds,
  named,
  printable,
  readVersion,
  toggle,
  type Program,
  type Redis,
  type SettingsGroups,
  type SettingsTable,
} from '@titan/service'
import { formatJson } from './output.ts'

/** The version of `titan`. */
export const VERSION = readVersion(new URL('../package.json', import.meta.url))

/** A command of `titan`, whose name is `titan` and up to three words. */
export type Command = Program<object, object>

/** Where the servers are. */
export interface Servers {
  readonly redisUrl?: string
  readonly databaseUrl?: string | undefined
}

/** What a command works with, besides its settings. */
export interface Session {
  /** Opens PostgreSQL until the command ends. @throws Failure when it cannot be reached, or was not given */
  database(): Promise<Database>
  /** Opens Redis until the command ends. `url`: another one than the settings name. @throws Failure when it cannot be reached, or was not given */
  redis(url?: string): Promise<Redis>
  /** Prints the result: one line of JSON with --json, else text for people. */
  print(result: unknown, text: () => string): void
  /** Writes a line to standard error, after the name of the command. */
  complain(text: string): void
}

/** What a command is made of. */
export interface Definition<Own, Shared> {
  readonly name: string
  readonly description: string
  readonly settings: SettingsTable<Own>
  readonly groups: SettingsGroups<Shared>
  /** Longest run of one statement, in milliseconds; 0: no limit. @default 30000, because a person waits */
  readonly statementTimeoutMs?: number
  /** How long it tries to connect unless a flag says otherwise, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number
  /** Does the work. False means code 1: not found, refused, or a verdict. A Failure is code 2. */
  run(own: Own & CommonSettings, session: Session & Shared): Promise<boolean>
}

interface CommonSettings {
  readonly json: boolean
  readonly connectTimeoutMs: number
}

/** Creates a command; every one has `--json` and `--connect-timeout-ms`. */
export function command<Own, Shared extends { readonly config: Servers }>(
  definition: Definition<Own, Shared>,
): Command {
  const { name, description, groups, connectTimeoutMs: fallback = 10_000 } = definition
  const common: SettingsTable<CommonSettings> = {
    json: toggle({ flag: 'json', about: 'Print one line of JSON.' }, false),
    connectTimeoutMs: milliseconds(
      named('CONNECT_TIMEOUT_MS', 'Time to keep trying to reach PostgreSQL and Redis.'),
      { fallback, min: 0, max: 3_600_000 },
    ),
  }
  return {
    name,
    version: VERSION,
    description,
    settings: { ...definition.settings, ...common },
    groups,
    run: (own: Own & CommonSettings, shared: Shared) => runCommand(definition, own, shared),
  }
}

/**
 * Runs a command and closes what it opened. What cannot be reached or read is a matter of configuration here (code 2):
 * code 1 is a verdict.
 */
async function runCommand<Own, Shared extends { readonly config: Servers }>(
  { name, statementTimeoutMs = 30_000, run }: Definition<Own, Shared>,
  own: Own & CommonSettings,
  shared: Shared,
): Promise<number> {
  const { redisUrl, databaseUrl } = shared.config
  const closers: (() => void | Promise<void>)[] = []
  const session: Session = {
    async database() {
      if (databaseUrl === undefined) throw new Failure('DATABASE_URL must be set')
      const options = { poolSize: 2, applicationName: name, statementTimeoutMs }
      const sql = await connectDatabase(databaseUrl, own.connectTimeoutMs, options)
      closers.push(() => sql.end({ timeout: 1 }))
      return sql
    },
    async redis(url = redisUrl) {
      if (url === undefined) throw new Failure('REDIS_URL must be set')
      const log = createLog(name, { logLevel: 'error', logFormat: 'auto' })
      // Reads may be made at a replica; a write that it refuses ends the command.
      const redis = createRedis(url, log, { acceptsReplica: true })
      closers.push(() => redis.close())
      await redis.connect(own.connectTimeoutMs)
      return redis
    },
    print: (result, text) => void process.stdout.write(`${own.json ? formatJson(result) : text()}\n`),
    complain: (text) => void process.stderr.write(`${name}: ${printable(text, '\n')}\n`),
  }
  try {
    return (await run(own, { ...shared, ...session })) ? EXIT.ok : EXIT.failure
  } catch (error) {
    const text = explain(error)
    if (text === undefined) throw error
    session.complain(text)
    return EXIT.usage
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}

/** What can be said in one line of an expected failure. */
export function explain(error: unknown): string | undefined {
  if (isInstance(error, Failure) || isInstance(error, LedgerError)) return textOf(error)
  return isTableMissing(error) ? NO_TABLES : explainStore(error)
}

/** Describes a setting that takes the words of the command line, and says what is missing without them. */
export function requiredWords(flag: string, about: string, hint: string, missing: string) {
  return { flag, about, hint, takesWords: true, isRequired: missing }
}
