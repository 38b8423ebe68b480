import { parseServerUrl, type ServerUrl } from '../server-url.ts'
import type { SettingBasics } from '../setting-kinds.ts'
import { FaultySetting, type Setting } from '../settings.ts'

/** Where a server listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Options with which a client signs in; none where no login is needed. */
export type Login =
  | { readonly username?: never; readonly password?: never }
  | { readonly username: string; readonly password: string }

/** Several servers that a URL of Redis names. */
export interface RedisHosts {
  readonly hosts: readonly Address[]
  readonly isTls: boolean
  readonly login: Login
}

/** What a URL of Redis says. */
export type RedisPlace =
  | { readonly kind: 'server' }
  | ({ readonly kind: 'cluster' } & RedisHosts)
  | ({
      readonly kind: 'sentinel'
      /** What the Sentinels call the master. */
      readonly masterName: string
      readonly database: number
      /** The separate login of the Sentinels. */
      readonly sentinelLogin: Login
    } & RedisHosts)

/** What a URL may begin with. */
const SCHEMES = ['redis', 'rediss', 'redis+sentinel', 'rediss+sentinel', 'redis+cluster', 'rediss+cluster']
const SENTINEL_FORM = 'redis+sentinel://host1:26379,host2:26379,host3:26379/mymaster'
const CLUSTER_FORM = 'redis+cluster://host1:6379,host2:6379'

/** Parameters with which the programs pass on the login of the Sentinels. */
const SENTINEL_USERNAME = 'sentinel_username'
const SENTINEL_PASSWORD = 'sentinel_password'

/** The URL of a Redis of any topology, which must be given. The value stays out of complaints: it may hold a password. */
export function redisUrl(basics: SettingBasics): Setting<string> {
  return {
    hint: 'url',
    shown: '',
    ...basics,
    fallback: '',
    isRequired: true,
    parse: (value) => {
      parseRedisUrl(value)
      return value
    },
  }
}

/** Puts the login of the Sentinels into a URL, which is all that every program passes on. */
export function withSentinelLogin(
  url: string,
  username: string | undefined,
  password: string | undefined,
): string {
  if (password === undefined || parseServerUrl(url)?.scheme.endsWith('+sentinel') !== true) return url
  const parameters = new URLSearchParams({ [SENTINEL_PASSWORD]: password })
  if (username !== undefined) parameters.set(SENTINEL_USERNAME, username)
  return `${url}${url.includes('?') ? '&' : '?'}${parameters.toString()}`
}

/**
 * Reads a URL of Redis.
 *
 * @throws FaultySetting with the rest of the sentence "REDIS_URL …", which quotes no part of the URL
 */
export function parseRedisUrl(url: string): RedisPlace {
  if (!SCHEMES.includes(url.split('://', 1)[0]?.toLowerCase() ?? '') || !url.includes('://'))
    throw new FaultySetting(`must start with one of ${SCHEMES.map((scheme) => `${scheme}://`).join(' ')}`)
  const parsed = parseServerUrl(url)
  if (parsed === undefined)
    throw new FaultySetting(
      'must be a URL of host:port, several with one comma between them, in which special characters are percent-encoded',
    )
  const kind = parsed.scheme.split('+')[1]
  if (kind === undefined) return requireSingle(url, parsed)
  return kind === 'cluster' ? readCluster(parsed) : readSentinel(parsed)
}

function requireSingle(url: string, { hosts }: ServerUrl): RedisPlace {
  if (hosts.length > 1)
    throw new FaultySetting(
      `must name one host: several are for Sentinels, ${SENTINEL_FORM}, or for a cluster, ${CLUSTER_FORM}`,
    )
  // The client reads it so.
  if (!URL.canParse(url)) throw new FaultySetting('must be redis://user:password@host:port/database')
  return { kind: 'server' }
}

function readCluster(url: ServerUrl): RedisPlace {
  if (url.path !== '' || url.parameters.size > 0)
    throw new FaultySetting(
      `must end after the hosts, ${CLUSTER_FORM}: a cluster has neither database numbers nor parameters`,
    )
  return { kind: 'cluster', ...readHosts(url, 6_379, CLUSTER_FORM) }
}

function readSentinel(url: ServerUrl): RedisPlace {
  const { path: masterName, parameters } = url
  if (!/^[^\s/]+$/.test(masterName))
    throw new FaultySetting(`must end with the name that the Sentinels give the master: ${SENTINEL_FORM}`)
  const known = ['db', SENTINEL_USERNAME, SENTINEL_PASSWORD]
  if ([...parameters.keys()].some((name) => !known.includes(name)))
    throw new FaultySetting('may have no parameter but db, the number of the database')
  const database = parameters.get('db') ?? '0'
  if (!/^\d{1,6}$/.test(database)) throw new FaultySetting('must have a whole number from 0 to 999999 as db')
  return {
    kind: 'sentinel',
    ...readHosts(url, 26_379, SENTINEL_FORM),
    masterName,
    database: Number(database),
    sentinelLogin: loginOf(parameters.get(SENTINEL_USERNAME), parameters.get(SENTINEL_PASSWORD)),
  }
}

function readHosts(
  { scheme, user, password, hosts }: ServerUrl,
  standardPort: number,
  form: string,
): RedisHosts {
  if (hosts.some(({ host }) => host === '' || /[\s/]/.test(host)))
    throw new FaultySetting(`must name each host, without a comma too many: ${form}`)
  if (user !== undefined && password === undefined)
    throw new FaultySetting('has a user name without a password: write user:password@ before the hosts')
  const addresses = hosts.map(({ host, port = standardPort }) => ({ host: host.toLowerCase(), port }))
  if (new Set(addresses.map(({ host, port }) => `${host} ${port}`)).size < addresses.length)
    throw new FaultySetting('must not name a host and port twice')
  return { hosts: addresses, isTls: scheme.startsWith('rediss'), login: loginOf(user, password) }
}

function loginOf(username: string | null | undefined, password: string | null | undefined): Login {
  return typeof password === 'string' ? { username: username ?? 'default', password } : {}
}
