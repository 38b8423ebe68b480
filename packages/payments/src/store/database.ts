import { Failure, FaultySetting } from '@titan/service'
import postgres from 'postgres'
import { createDialer } from '../connection/dialer.ts'
import { loginOf } from '../connection/role.ts'
import { Servers } from '../connection/servers.ts'
import { readDatabaseUrl, type DatabaseTarget } from '../connection/url.ts'
import { PaymentsError } from '../domain/errors.ts'

/** A pool of connections to PostgreSQL, as `openDatabase` configures it. */
export type Database = postgres.Sql<{ bigint: number }>

/** The pool or one of its transactions. */
export type Queryable = postgres.ISql<{ bigint: number }>

export interface DatabaseOptions {
  /** Most connections. @default 10 */
  readonly poolSize?: number
  /** @default 'titan' */
  readonly applicationName?: string
  /** Longest wait for a row that another transaction holds, in milliseconds; then the statement fails with 55P03. @default 2000 */
  readonly lockTimeoutMs?: number
  /**
   * Longest run of one statement, in milliseconds; 0: no limit. A connection whose server stays silent for two seconds
   * longer is dropped, and its statement fails with ETIMEDOUT. @default 7000
   */
  readonly statementTimeoutMs?: number
  /** Longest wait for a connection, in milliseconds. @default 3000 */
  readonly connectTimeoutMs?: number
  /** Plans that read by key only, as the store needs; `false` for reports that read whole tables. @default true */
  readonly keyedPlans?: boolean
}

// The statements find rows by key and walk them one by one. The server caches plans, and one made while the
// tables were small would read them whole until the next analyze.
// There is one good plan then, whatever the parameters, and making it again for each call would cost more than the call.
const KEYED_PLANS = {
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  plan_cache_mode: 'force_generic_plan',
  // Up to PostgreSQL 17 a disabled plan step counts as very expensive, and expensive plans are compiled: 200 ms a statement.
  jit: 'off',
} as const

/**
 * What the code reads and writes by, whatever the database or the role sets: times in ISO format, bytes as hex, numbers
 * with all their digits. Where the tables are is left to `search_path`.
 */
export const SESSION_SETTINGS = {
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  IntervalStyle: 'postgres',
  standard_conforming_strings: 'on',
  bytea_output: 'hex',
  extra_float_digits: '1',
  array_nulls: 'on',
  // Every compare-and-set here is written for this level.
  default_transaction_isolation: 'read committed',
} as const

/** How much longer than a statement may run its answer may take to arrive, in milliseconds. */
const SILENCE_MARGIN_MS = 2_000
/** The kernel probes a silent connection after this long, in seconds: those without a limit rely on it. */
const PROBE_AFTER_S = 10

/** The servers of each URL in this process: what one pool learns of a failover, the others know. */
const serversByUrl = new Map<string, Servers>()
const serversByPool = new WeakMap<Database, Servers>()

/**
 * Opens a lazy pool: nothing is sent before the first statement. Close it with `sql.end()`.
 *
 * @throws Failure for a URL with a parameter that cannot be honoured
 */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const { poolSize = 10, applicationName = 'titan', lockTimeoutMs = 2_000 } = options
  const { statementTimeoutMs = 7_000, keyedPlans = true } = options
  const target = readTarget(url)
  const connectTimeoutMs = target.connectTimeoutMs ?? options.connectTimeoutMs ?? 3_000
  const servers = serversByUrl.get(url) ?? new Servers(target)
  serversByUrl.set(url, servers)
  const dialer = createDialer(servers, {
    tls: target.tls,
    connectTimeoutMs,
    silentAfterMs: statementTimeoutMs === 0 ? 0 : statementTimeoutMs + SILENCE_MARGIN_MS,
  })
  const sql = postgres({
    ...loginOf(target),
    max: poolSize,
    prepare: target.prepare,
    connect_timeout: connectTimeoutMs / 1_000,
    keep_alive: PROBE_AFTER_S,
    ...target.limits,
    backoff: pauseBefore,
    // The dialer encrypts. The types of the driver lack its option, and addresses as lists.
    ssl: false,
    ...({ socket: dialer, ...addressOf(target) } as object),
    onnotice: () => {},
    types: { bigint: BIGINT },
    connection: {
      ...target.startup,
      application_name: applicationName,
      ...SESSION_SETTINGS,
      lock_timeout: lockTimeoutMs,
      // As text, because the driver leaves out a 0.
      statement_timeout: String(statementTimeoutMs) as never,
      idle_in_transaction_session_timeout: String(statementTimeoutMs) as never,
      ...(keyedPlans && KEYED_PLANS),
    },
  })
  serversByPool.set(sql, servers)
  return sql
}

/** Returns the servers to which the connections of a pool lead. */
export function serversOf(sql: Database): Servers {
  const servers = serversByPool.get(sql)
  if (servers === undefined) throw new TypeError('the pool is not one of openDatabase')
  return servers
}

function readTarget(url: string): DatabaseTarget {
  try {
    return readDatabaseUrl(url)
  } catch (error) {
    if (error instanceof FaultySetting) throw new Failure(`the URL of PostgreSQL ${error.message}`)
    throw error
  }
}

/** All addresses as one, for the driver's messages: it would not give up with several, and the dialer connects. */
function addressOf({ servers }: DatabaseTarget) {
  const last = servers.at(-1)
  const before = servers.slice(0, -1).map(({ name }) => `${name},`)
  return { host: [`${before.join('')}${last?.host}`], port: [last?.port ?? 0] }
}

/** The pause before a connection is replaced, in seconds: a second at most, because statements wait for it meanwhile. */
function pauseBefore(retries: number): number {
  return Math.min(0.05 * 2 ** retries, 1) * (0.5 + Math.random() / 2)
}

/** int8 as a number; never rounded. */
const BIGINT = { to: 20, from: [20], serialize: (value: number): string => String(value), parse: parseBigint }

function parseBigint(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new PaymentsError('UNSAFE_INTEGER', `${text} from the database does not fit a number exactly`)
}
