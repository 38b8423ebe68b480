import { messageOf } from '@titan/payments'
import type { Redis } from '@titan/service'
import { clockDifference, diagnosis, judgeClock, type Diagnosis } from './diagnosis.ts'

/** What a server tells of itself: the fields of INFO, and of CONFIG GET and CLUSTER INFO as far as they were allowed. */
export type RedisFacts = Readonly<Record<string, string | undefined>>

/** Looks at a Redis server. */
export async function examineRedis(redis: Redis): Promise<Diagnosis[]> {
  const sentAt = Date.now()
  const time = await ifAllowed(redis.sendCommand<string[]>(['TIME']))
  const receivedAt = Date.now()
  const facts = await readFacts(redis)
  const [seconds = '0', micros = '0'] = time ?? []
  const differenceMs = clockDifference(Number(seconds) * 1_000 + Number(micros) / 1_000, sentAt, receivedAt)
  return [
    ...(facts === undefined ? [forbidden('redis.info', 'INFO')] : judgeRedis(facts)),
    time === undefined ? forbidden('redis.clock', 'TIME') : judgeClock('redis.clock', 'Redis', differenceMs),
  ]
}

function forbidden(id: string, command: string): Diagnosis {
  const found = `${command} is forbidden, so what it tells cannot be judged`
  return diagnosis(
    id,
    'warning',
    found,
    `allow it to the user of REDIS_URL: ACL SETUSER … +${command.toLowerCase()}`,
  )
}

/** Undefined where the server refuses the command. */
async function ifAllowed<Reply>(reply: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await reply
  } catch (error) {
    if (/^(NOPERM|ERR) /.test(messageOf(error))) return undefined
    throw error
  }
}

async function readFacts(redis: Redis): Promise<RedisFacts | undefined> {
  const info = await ifAllowed(redis.sendCommand<string>(['INFO']))
  if (info === undefined) return undefined
  const facts = readLines(info)
  const isCluster = facts['cluster_enabled'] === '1'
  const state = isCluster
    ? readLines((await ifAllowed(redis.sendCommand<string>(['CLUSTER', 'INFO']))) ?? '')
    : {}
  const settings = await Promise.all(['save', 'appendfsync'].map((name) => readSetting(redis, name)))
  return { ...facts, ...state, ...Object.assign({}, ...settings), ...(await readDefaultUser(redis)) }
}

/** Whether clients without a password are served. Hosted servers refuse ACL. */
async function readDefaultUser(redis: Redis): Promise<Record<string, string>> {
  try {
    const user = await redis.aclGetUser('default')
    return { default_user_flags: user?.flags.join(' ') ?? '' }
  } catch {
    return {}
  }
}

/** Hosted servers refuse CONFIG. */
async function readSetting(redis: Redis, name: string): Promise<Record<string, string>> {
  try {
    return { ...(await redis.configGet(name)) }
  } catch {
    return {}
  }
}

function readLines(text: string): Record<string, string> {
  const pairs = text.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':')
    return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : []
  })
  return Object.fromEntries(pairs)
}

/** Judges what a server tells of itself. */
export function judgeRedis(facts: RedisFacts): Diagnosis[] {
  return [
    judgeVersion(facts),
    judgeRole(facts),
    judgeEviction(facts),
    judgeMemory(facts),
    judgePersistence(facts),
    judgeLastSave(facts),
    judgeClients(facts),
    judgeAccess(facts),
    judgeCluster(facts),
  ]
}

function judgeVersion({ redis_version: version = '', valkey_version: valkey }: RedisFacts): Diagnosis {
  const name = valkey === undefined ? `Redis ${version}` : `Valkey ${valkey}`
  if (Number(version.split('.')[0]) >= 7) return diagnosis('redis.version', 'ok', name)
  return diagnosis('redis.version', 'error', `${name} is too old`, 'use Redis 7.0 or Valkey 7.2, or newer')
}

function judgeRole({ role = 'master', master_host: host, loading = '0' }: RedisFacts): Diagnosis {
  if (loading === '1')
    return diagnosis(
      'redis.role',
      'warning',
      'it still loads its data',
      'wait until it has: workers wait too',
    )
  if (role === 'master') return diagnosis('redis.role', 'ok', 'it is the primary')
  return diagnosis(
    'redis.role',
    'error',
    'it is a replica, which takes no jobs',
    `point REDIS_URL at the primary (${host})`,
  )
}

function judgeEviction({ maxmemory_policy: policy = 'noeviction', maxmemory = '0' }: RedisFacts): Diagnosis {
  if (policy === 'noeviction')
    return diagnosis('redis.eviction', 'ok', 'it drops no jobs when memory runs out')
  const advice = 'CONFIG SET maxmemory-policy noeviction, and the same in redis.conf'
  const isLimited = maxmemory !== '0'
  const found = `maxmemory-policy is ${policy}: ${isLimited ? 'it may drop jobs' : 'it would drop jobs if it had a limit'}`
  return diagnosis('redis.eviction', isLimited ? 'error' : 'warning', found, advice)
}

function judgeMemory(facts: RedisFacts): Diagnosis {
  const [used, limit] = [Number(facts['used_memory']), Number(facts['maxmemory'] ?? 0)]
  const room = limit > 0 ? limit : Number(facts['total_system_memory'] ?? 0)
  const share = room > 0 ? used / room : 0
  const found = `${formatBytes(used)} in use, ${limit > 0 ? `${Math.round(share * 100)} % of maxmemory` : 'no maxmemory'}`
  if (share > 0.75) {
    const advice =
      'raise maxmemory or drain the queues; a full server refuses jobs, and payments stay PENDING until it has room'
    return diagnosis('redis.memory', share > 0.95 ? 'error' : 'warning', found, advice)
  }
  if (limit > 0) return diagnosis('redis.memory', 'ok', found)
  return diagnosis(
    'redis.memory',
    'info',
    found,
    'set maxmemory, so that it refuses jobs before the machine runs out',
  )
}

function judgePersistence({ aof_enabled: aof, appendfsync, save }: RedisFacts): Diagnosis {
  const loss = 'payments get their jobs back by themselves, but they wait for it, and other jobs are gone'
  if (aof === '1' && appendfsync !== 'no')
    return diagnosis('redis.persistence', 'ok', `append-only file, fsync ${appendfsync ?? 'unknown'}`)
  const advice = `CONFIG SET appendonly yes with appendfsync everysec: after a crash ${loss}`
  if (aof === '1') return diagnosis('redis.persistence', 'warning', 'append-only file without fsync', advice)
  const snapshots =
    save === undefined
      ? 'no append-only file'
      : save === ''
        ? 'nothing is kept on disk'
        : `snapshots only (${save})`
  return diagnosis('redis.persistence', 'warning', snapshots, advice)
}

function judgeLastSave(facts: RedisFacts): Diagnosis {
  const failed = [
    ...(facts['rdb_last_bgsave_status'] === 'err' ? ['the last snapshot failed'] : []),
    ...(facts['aof_last_write_status'] === 'err' ? ['the append-only file cannot be written'] : []),
    ...(facts['aof_last_bgrewrite_status'] === 'err' ? ['the append-only file could not be rewritten'] : []),
  ]
  if (failed.length === 0) return diagnosis('redis.disk', 'ok', 'what it writes to disk is written')
  return diagnosis(
    'redis.disk',
    'error',
    failed.join(', '),
    'see its log, and whether its disk is full: it may refuse all writes',
  )
}

function judgeClients({ connected_clients: connected = '0', maxclients = '0' }: RedisFacts): Diagnosis {
  const limit = Number(maxclients)
  const found = `${connected} clients are connected${limit > 0 ? ` of ${maxclients}` : ''}`
  if (limit === 0 || Number(connected) < limit * 0.8) return diagnosis('redis.clients', 'ok', found)
  return diagnosis('redis.clients', 'warning', found, 'raise maxclients; each worker takes four connections')
}

function judgeAccess({ default_user_flags: flags = '' }: RedisFacts): Diagnosis {
  const set = new Set(flags.split(' '))
  if (!set.has('on') || !set.has('nopass'))
    return diagnosis('redis.access', 'ok', 'clients without a password are not served')
  return diagnosis(
    'redis.access',
    'warning',
    'clients without a password are served: anyone who reaches it can pause queues and delete jobs',
    'set requirepass or an ACL, and put the password into REDIS_URL (redis://:password@host)',
  )
}

function judgeCluster(facts: RedisFacts): Diagnosis {
  if (facts['cluster_enabled'] !== '1') return diagnosis('redis.cluster', 'ok', 'it is not part of a cluster')
  if (facts['cluster_state'] === 'ok') return diagnosis('redis.cluster', 'ok', 'the cluster is whole')
  const found = `the cluster is ${facts['cluster_state'] ?? 'in an unknown state'}, ${facts['cluster_slots_ok'] ?? '?'} slots of 16384 are served`
  return diagnosis('redis.cluster', 'error', found, 'see CLUSTER NODES, and bring the missing masters back')
}

function formatBytes(bytes: number): string {
  if (bytes < 1_048_576) return `${Math.round(bytes / 1_024)} KiB`
  return bytes < 1_073_741_824
    ? `${Math.round(bytes / 1_048_576)} MiB`
    : `${(bytes / 1_073_741_824).toFixed(1)} GiB`
}
