import { addressOf, Failure, retryWhilePassing, unreachable, type Log } from '@titan/service'
import type { ServerDescription } from '../connection/servers.ts'
import { statement } from './statements.ts'
import { openDatabase, serversOf, type Database, type DatabaseOptions } from './database.ts'

/**
 * Opens the database and waits until it responds, up to `timeoutMs` while the server cannot be reached.
 *
 * @param log is told once that it waits
 * @throws Failure when it cannot be reached in time or refuses the connection
 */
export async function connectDatabase(
  url: string,
  timeoutMs: number,
  options: DatabaseOptions,
  log?: Log,
): Promise<Database> {
  const sql = openDatabase(url, options)
  const onWait = (error: unknown): void =>
    log?.warn('postgres.awaited', 'PostgreSQL unreachable, retrying', { address: addressOf(url), error })
  try {
    await retryWhilePassing(() => sql`select 1`, timeoutMs, onWait)
    return sql
  } catch (error) {
    await sql.end({ timeout: 0 })
    throw unreachable('PostgreSQL', url, error)
  }
}

const probe = statement<{ readonly setting: string; readonly stopped: readonly string[] }>('probe_writes')

/** PostgreSQL cuts longer names. */
const MAX_NAME = 63

/**
 * Returns the name under which an API or worker shows in `pg_stat_activity`, with its gateways, so that `titan doctor` can
 * compare all that are connected: no record that outlives a program can go stale. Ends with `…` where not all of them fit.
 */
export function connectionName(
  program: 'titan-api' | 'titan-worker',
  gateways: readonly string[] | undefined,
): string {
  if (gateways === undefined) return program
  const name = `${program} gateway=${gateways.join()}`
  if (name.length <= MAX_NAME) return name
  const cut = name.slice(0, name.lastIndexOf(',', MAX_NAME - 5) + 1)
  return cut === '' ? program : `${cut}…`
}

/** Asks each server in the URL of a pool what it is, over separate connections. */
export function describeServers(sql: Database): Promise<ServerDescription[]> {
  return serversOf(sql).describe()
}

/**
 * Creates a probe that rejects where no payment can be written: PostgreSQL does not answer, is a standby, or is set to
 * read-only; the connections are then replaced, because the address may lead elsewhere by now. Concurrent probes share one
 * statement, so that they do not pile up at an unresponsive server. `onStops` receives the stopped gateways each time.
 */
export function createWriteProbe(
  sql: Database,
  onStops?: (stopped: readonly string[]) => void,
): () => Promise<void> {
  let asking: Promise<void> | undefined
  async function ask(): Promise<void> {
    const [row] =
      onStops === undefined
        ? await sql<{ setting: string }[]>`select current_setting('transaction_read_only') as setting`
        : await probe(sql, {})
    if (row !== undefined && 'stopped' in row) onStops?.(row.stopped)
    if (row?.setting === 'off') return
    serversOf(sql).leaveAll()
    throw new Failure('PostgreSQL takes no writes: it is a standby, or set to read-only')
  }
  return () =>
    (asking ??= ask().finally(() => {
      asking = undefined
    }))
}
