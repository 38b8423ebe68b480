import { addressText, FaultySetting, parseServerUrl } from '@titan/service'
import { checkParameters, readParameter } from './parameters.ts'
import { readTls, type Tls } from './tls.ts'

/** A server of PostgreSQL. */
export interface Server {
  readonly host: string
  readonly port: number
  /** A Unix socket, which then is the address. */
  readonly path: string | undefined
  /** The address for messages. */
  readonly name: string
}

/** What a database URL says. */
export interface DatabaseTarget {
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: string | undefined
  /** At least one, in the order of the URL. */
  readonly servers: readonly Server[]
  /** Whether only a server that is no standby will do. */
  readonly requiresPrimary: boolean
  readonly tls: Tls | undefined
  /** Whether statements may have names. */
  readonly prepare: boolean
  /** What the session is asked for beyond the settings of the programs. */
  readonly startup: Readonly<Record<string, string>>
  readonly connectTimeoutMs: number | undefined
  /** Limits of the driver, in seconds. */
  readonly limits: {
    readonly keep_alive?: number
    readonly idle_timeout?: number
    readonly max_lifetime?: number
  }
}

/**
 * Reads a database URL, with the variables of libpq for what it leaves open.
 *
 * @throws FaultySetting for what cannot be honoured, as the rest of a sentence
 */
export function readDatabaseUrl(url: string): DatabaseTarget {
  const parsed = parseServerUrl(url)
  if (parsed === undefined)
    throw new FaultySetting('must be a URL: postgres://user:password@host:5432/database')
  const { parameters } = parsed
  checkParameters(parameters)
  const read = (name: string): string | undefined => readParameter(parameters, name)
  const servers = hostsOf(parsed.hosts).map(({ host, port }) => serverAt(host, port))
  return {
    user: read('user') ?? parsed.user,
    password: read('password') ?? parsed.password,
    database: read('dbname') ?? (parsed.path === '' ? undefined : parsed.path),
    servers,
    requiresPrimary: requiresPrimary(read('target_session_attrs'), servers.length),
    tls: readTls(read),
    prepare:
      read('prepare') !== 'false' && read('pgbouncer') !== 'true' && read('statement_cache_size') !== '0',
    startup: startupOf(read),
    connectTimeoutMs: milliseconds(read('connect_timeout')),
    limits: {
      ...limit('keep_alive', read('keepalives_idle')),
      ...limit('idle_timeout', read('idle_timeout')),
      ...limit('max_lifetime', read('max_lifetime')),
    },
  }
}

type Hosts = readonly { readonly host: string; readonly port: number | undefined }[]

/** The hosts of the URL, or those of PGHOST and PGPORT. */
function hostsOf(hosts: Hosts): Hosts {
  const { PGHOST = '', PGPORT = '' } = process.env
  if (hosts.length === 1 && hosts[0]?.host === '' && PGHOST !== '') {
    const query = new URLSearchParams({ host: PGHOST, port: String(hosts[0].port ?? PGPORT) })
    const parsed = parseServerUrl(`postgres://?${query.toString()}`)
    if (parsed === undefined) throw new FaultySetting('names no host, and PGHOST and PGPORT are none')
    return parsed.hosts
  }
  const port = /^\d{1,5}$/.test(PGPORT) ? Number(PGPORT) : undefined
  return hosts.map(({ host, port: own }) => ({ host, port: own ?? port }))
}

const STANDARD_PORT = 5_432

function serverAt(given: string, port = STANDARD_PORT): Server {
  const host = given === '' ? 'localhost' : given
  const path = host.startsWith('/') ? `${host}/.s.PGSQL.${port}` : undefined
  return { host, port, path, name: addressText(host, port) }
}

/** Of several servers, only the primary takes writes. `read-write` is the same here: a primary that is read-only needs a person. */
function requiresPrimary(given: string | undefined, servers: number): boolean {
  return given === undefined ? servers > 1 : given !== 'any'
}

function startupOf(read: (name: string) => string | undefined): Record<string, string> {
  const [options, path, schema] = [read('options'), read('search_path'), read('schema')]
  return {
    ...(options !== undefined && { options }),
    ...(schema !== undefined && { search_path: `"${schema.replaceAll('"', '""')}"` }),
    ...(path !== undefined && { search_path: path }),
  }
}

function limit<Name extends string>(
  name: Name,
  text: string | undefined,
): { readonly [Key in Name]?: number } {
  const number = Number(text ?? 0)
  return (number > 0 ? { [name]: number } : {}) as { readonly [Key in Name]?: number }
}

function milliseconds(seconds: string | undefined): number | undefined {
  const number = Number(seconds ?? 0)
  return number > 0 ? number * 1_000 : undefined
}
