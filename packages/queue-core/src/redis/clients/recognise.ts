import { invalidOptions } from '../../model/errors.ts'
import { propertyOf, quote } from '../../model/text-of.ts'
import type { ClientAdapter } from './adapter.ts'
import { adaptIoredisCluster, type IoredisClusterClient } from './ioredis-cluster.ts'
import { adaptIoredis, asksSentinels, type IoredisClient } from './ioredis.ts'
import { adaptCluster, type RedisClusterClient } from './node-redis-cluster.ts'
import { adaptPool, type RedisPool } from './node-redis-pool.ts'
import { adaptSentinel, type RedisSentinelClient } from './node-redis-sentinel.ts'
import { adaptNodeRedis, type RedisNodeClient } from './node-redis.ts'

/**
 * A client, made and closed by the caller: of node-redis (`createClient()`, `createClientPool()`, `createSentinel()`,
 * `createCluster()`), or of ioredis or iovalkey (`new Redis()`, `new Cluster()`). Clients are recognised by their shape; none of these packages is
 * imported.
 */
export type RedisClient =
  | RedisNodeClient
  | RedisPool
  | RedisSentinelClient
  | RedisClusterClient
  | IoredisClient
  | IoredisClusterClient

const adapters = new WeakMap<object, ClientAdapter>()

/** Returns the adapter of a client. @throws {QueueError} `INVALID_OPTIONS` */
export function adapterOf(client: RedisClient): ClientAdapter {
  const known = typeof client === 'object' && client !== null ? adapters.get(client) : undefined
  if (known !== undefined) return known
  const problem = findProblem(client)
  if (problem !== undefined) throw invalidOptions(problem)
  const adapter = adapt(client)
  adapters.set(client, adapter)
  return adapter
}

const has = (client: unknown, ...names: readonly string[]): boolean =>
  names.every((name) => propertyOf(client, name) !== undefined)

function isIoredis(client: unknown): boolean {
  return typeof propertyOf(client, 'call') === 'function' && typeof propertyOf(client, 'status') === 'string'
}

function adapt(client: RedisClient): ClientAdapter {
  if (isIoredis(client)) {
    const isCluster = propertyOf(client, 'isCluster') === true
    return isCluster
      ? adaptIoredisCluster(client as IoredisClusterClient)
      : adaptIoredis(client as IoredisClient)
  }
  if (has(client, 'getNodeClientForKey')) return adaptCluster(client as RedisClusterClient)
  if (has(client, 'getMasterNode', '_execute')) return adaptSentinel(client as RedisSentinelClient)
  return has(client, 'idleClients')
    ? adaptPool(client as RedisPool)
    : adaptNodeRedis(client as RedisNodeClient)
}

const WANTED =
  'a client of node-redis (createClient, createClientPool, createSentinel, createCluster) or of ioredis or iovalkey (new Redis, new Cluster)'

/** Clients that the library cannot use, by what only they have, and what to do instead. */
const UNSUITABLE: readonly (readonly [does: (client: unknown) => boolean, problem: string])[] = [
  [
    (client) => has(client, 'then'),
    'The first argument is a Promise: await it, for example await createClient(…).connect()',
  ],
  [
    (client) => has(client, 'nodeByAddress') && !has(client, 'getNodeClientForKey'),
    'createCluster(…) of node-redis 4 and 5 is not supported: install redis 6, or pass a cluster of ioredis',
  ],
  [
    (client) => has(client, 'send_command', 'server_info') && !isIoredis(client),
    'A client of the package "redis" 3 or older is not supported: install redis 5 or newer, or ioredis',
  ],
  [
    (client) => has(client, 'v4'),
    'A client of node-redis 4 in legacyMode is not supported: pass one without legacyMode',
  ],
  [
    (client) => typeof propertyOf(propertyOf(client, 'client'), 'request') === 'function',
    'A client of @upstash/redis speaks HTTP, over which a worker cannot wait for jobs: pass a client of node-redis or ioredis, with the rediss:// address of the database',
  ],
  [(client) => has(client, 'customCommand'), `A client of valkey-glide is not supported: pass ${WANTED}`],
]

/** Says why the library cannot use a client, and what to do; undefined when it can. */
function findProblem(client: unknown): string | undefined {
  if (typeof client === 'string')
    return 'The first argument is a text: make a client with it, for example await createClient({ url }).connect()'
  const unsuitable = UNSUITABLE.find(([is]) => is(client))
  if (unsuitable !== undefined) return unsuitable[1]
  if (isIoredis(client)) return findIoredisProblem(client)
  if (!['isReady', 'getNodeClientForKey', 'idleClients', 'getMasterNode'].some((name) => has(client, name)))
    return `The first argument must be ${WANTED}, got ${describe(client)}`
  return propertyOf(client, 'isPubSubActive') === true && !speaksResp3(client)
    ? SUBSCRIBED
    : findOptionProblem(client)
}

/** What a wrong argument is; not its content, which may be a password. */
function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return quote(value)
  return `an object with ${Object.keys(value).slice(0, 5).map(quote).join(', ') || 'no members'}`
}

/** With RESP3 a client that is subscribed takes other commands too. */
function speaksResp3(client: unknown): boolean {
  const RESP = propertyOf(propertyOf(client, 'options'), 'RESP')
  // node-redis 6, the first one that knows key prefixes, speaks it unless told otherwise.
  return (
    RESP === 3 ||
    (RESP === undefined && typeof client === 'object' && client !== null && '_keyPrefix' in client)
  )
}

const SUBSCRIBED =
  'The client is subscribed to channels and takes no other commands: pass another one, client.duplicate()'

function findIoredisProblem(client: unknown): string | undefined {
  const mode = propertyOf(client, 'mode')
  if (mode === 'subscriber') return SUBSCRIBED
  if (mode === 'monitor')
    return 'The client monitors the server and takes no other commands: pass another one'
  if (asksSentinels(client)) {
    const options = propertyOf(client, 'options')
    if (propertyOf(options, 'role') === 'slave')
      return 'The client reads from a replica: pass one without role: "slave"'
    if (propertyOf(options, 'failoverDetector') !== true)
      return 'A client with sentinels needs failoverDetector: true. Without it, jobs go to the old master for seconds after a failover, and are lost'
  }
  return findOptionProblem(client)
}

/** Options that would change what the library sends or reads. */
function findOptionProblem(client: unknown): string | undefined {
  const options = propertyOf(client, 'options') ?? propertyOf(client, '_options')
  const sets = (name: string): boolean =>
    Boolean(propertyOf(options, name)) || Boolean(propertyOf(propertyOf(options, 'redisOptions'), name))
  if (sets('keyPrefix') || Boolean(propertyOf(client, '_keyPrefix')))
    return 'The client has a keyPrefix, which the queue does not use: set the option "prefix" of the queue and its workers, and pass a client without keyPrefix'
  if (sets('stringNumbers'))
    return 'The client has stringNumbers, which changes replies: pass a client without it'
  return undefined
}
