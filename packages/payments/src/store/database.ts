import postgres from 'postgres'
import { PaymentsError } from '../domain/errors.ts'
import { createDialer, tlsModeOf } from './dialer.ts'

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

/**
 * Opens a lazy pool: nothing is sent before the first statement. Close it with `sql.end()`. `?prepare=false` in the URL
 * keeps it from naming statements, which a pooler may not pass on.
 */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const { poolSize = 10, applicationName = 'titan', lockTimeoutMs = 2_000 } = options
  const { statementTimeoutMs = 7_000, connectTimeoutMs = 3_000, keyedPlans = true } = options
  const dialer = createDialer({
    tls: tlsModeOf(url),
    connectTimeoutMs,
    silentAfterMs: statementTimeoutMs === 0 ? 0 : statementTimeoutMs + SILENCE_MARGIN_MS,
  })
  return postgres(url, {
    max: poolSize,
    connect_timeout: connectTimeoutMs / 1_000,
    keep_alive: PROBE_AFTER_S,
    backoff: pauseBefore,
    // The dialer encrypts. The types of the driver lack its option.
    ssl: false,
    ...({ socket: dialer } as object),
    onnotice: () => {},
    types: { bigint: BIGINT },
    connection: {
      application_name: applicationName,
      ...SESSION_SETTINGS,
      lock_timeout: lockTimeoutMs,
      // As text, because the driver leaves out a 0.
      statement_timeout: String(statementTimeoutMs) as never,
      idle_in_transaction_session_timeout: String(statementTimeoutMs) as never,
      ...(keyedPlans && KEYED_PLANS),
    },
  })
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
