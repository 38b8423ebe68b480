import { messageOf } from '@titan/payments'
import type { Redis, RedisMaster } from '@titan/service'
import {
  clockDifference,
  diagnose,
  joinServers,
  judgeClock,
  problem,
  runChecks,
  type Checks,
  type Diagnosis,
  type Result,
  type ServerFindings,
} from './diagnosis.ts'
import { examined } from './examined.ts'
import { judgeSentinels } from './sentinels.ts'

/** What a server reports: the fields of INFO, and of CONFIG GET, CLUSTER INFO and ACL as far as they are allowed. */
export type RedisFacts = Readonly<Record<string, string | undefined>>

/** Examines every master. */
export async function examineRedis(redis: Pick<Redis, 'masters' | 'sentinels'>): Promise<Diagnosis[]> {
  const sentinels = redis.sentinels()
  const examine = async (master: RedisMaster): Promise<ServerFindings> => {
    const findings = await examined('redis.asked', () => examineMaster(master, sentinels.length > 0))
    return { name: master.name, findings }
  }
  const ofMasters = joinServers(await Promise.all((await redis.masters()).map(examine)))
  return [...ofMasters, ...judgeSentinels(sentinels)]
}

async function examineMaster({ send }: RedisMaster, hasSentinels: boolean): Promise<Diagnosis[]> {
  const sentAt = Date.now()
  const time = await ifAllowed(send<string[]>(['TIME']))
  const receivedAt = Date.now()
  const facts = await readFacts(send)
  const [seconds = '0', micros = '0'] = time ?? []
  const differenceMs = clockDifference(Number(seconds) * 1_000 + Number(micros) / 1_000, sentAt, receivedAt)
  return [
    ...(facts === undefined
      ? [forbidden('redis.info', 'INFO')]
      : judgeRedis({ ...facts, has_sentinels: hasSentinels ? '1' : '0' })),
    time === undefined ? forbidden('redis.clock', 'TIME') : judgeClock('redis.clock', 'Redis', differenceMs),
  ]
}

function forbidden(id: string, command: string): Diagnosis {
  const advice = `Allow it to the user of REDIS_URL: ACL SETUSER … +${command.toLowerCase()}`
  return diagnose(id, problem('warning', `${command} is forbidden, so its result cannot be judged.`, advice))
}

/** Returns undefined where the server refuses the command. */
async function ifAllowed<Reply>(reply: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await reply
  } catch (error) {
    if (/^(NOPERM|ERR) /.test(messageOf(error))) return undefined
    throw error
  }
}

async function readFacts(send: RedisMaster['send']): Promise<RedisFacts | undefined> {
  const info = await ifAllowed(send<string>(['INFO']))
  if (info === undefined) return undefined
  const facts = readLines(info)
  const isCluster = facts['cluster_enabled'] === '1'
  const cluster = isCluster ? await ifAllowed(send<string>(['CLUSTER', 'INFO'])) : undefined
  // Hosted servers refuse CONFIG and ACL.
  const settings = await send<RedisFacts>([
    'CONFIG',
    'GET',
    'save',
    'appendfsync',
    'min-replicas-to-write',
  ]).catch(() => ({}))
  const user = await send<{ flags: string[] }>(['ACL', 'GETUSER', 'default']).catch(() => undefined)
  return { ...facts, ...readLines(cluster ?? ''), ...settings, default_user_flags: user?.flags.join(' ') }
}

function readLines(text: string): Record<string, string> {
  const pairs = text.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':')
    return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : []
  })
  return Object.fromEntries(pairs)
}

/** Judges what a server reports. */
export function judgeRedis(facts: RedisFacts): Diagnosis[] {
  return runChecks(CHECKS, facts)
}

const CHECKS: Checks<RedisFacts> = {
  'redis.version': ({ redis_version: version = '', valkey_version: valkey }) => {
    const name = valkey === undefined ? `Redis ${version}` : `Valkey ${valkey}`
    if (Number(version.split('.')[0]) >= 7) return name
    return problem('error', `${name} is too old.`, 'Use Redis 7.0 or Valkey 7.2, or newer.')
  },
  'redis.role': ({ role = 'master', master_host: host, loading = '0' }) => {
    if (loading === '1')
      return problem('warning', 'The server is still loading its data.', 'Wait: workers wait too.')
    if (role === 'master') return 'The server is the primary.'
    const advice = `Point REDIS_URL at the primary (${host}).`
    return problem('error', 'The server is a replica, which accepts no jobs.', advice)
  },
  'redis.eviction': ({ maxmemory_policy: policy = 'noeviction', maxmemory = '0' }) => {
    if (policy === 'noeviction') return 'The server evicts no jobs when memory runs out.'
    const isLimited = maxmemory !== '0'
    const effect = isLimited ? 'jobs may be evicted' : 'jobs would be evicted under a memory limit'
    const advice = 'Run CONFIG SET maxmemory-policy noeviction, and set the same in redis.conf.'
    return problem(isLimited ? 'error' : 'warning', `maxmemory-policy is ${policy}: ${effect}.`, advice)
  },
  'redis.memory': (facts) => {
    const [used, limit] = [Number(facts['used_memory']), Number(facts['maxmemory'] ?? 0)]
    const room = limit > 0 ? limit : Number(facts['total_system_memory'] ?? 0)
    const share = room > 0 ? used / room : 0
    const found = `${formatBytes(used)} in use, ${limit > 0 ? `${Math.round(share * 100)} % of maxmemory` : 'no maxmemory'}.`
    const advice =
      'Raise maxmemory or drain the queues. A full server refuses jobs; payments stay PENDING until it has room.'
    if (share > 0.75) return problem(share > 0.95 ? 'error' : 'warning', found, advice)
    if (limit > 0) return found
    return problem('info', found, 'Set maxmemory: Redis then refuses jobs before the machine runs out.')
  },
  'redis.persistence': ({ aof_enabled: aof, appendfsync, save }) => {
    if (aof === '1' && appendfsync === undefined) {
      const found = 'The append-only file is on. CONFIG is forbidden: cannot tell how often it is flushed.'
      return problem('warning', found, 'Make sure that appendfsync is everysec or always.')
    }
    if (aof === '1' && appendfsync !== 'no') return `The append-only file is on, with fsync ${appendfsync}.`
    const advice =
      'Run CONFIG SET appendonly yes, with appendfsync everysec. After a crash the reconciler enqueues payments again, but they wait for it, and other jobs are lost.'
    if (aof === '1') return problem('warning', 'The append-only file is on, without fsync.', advice)
    if (save === undefined) return problem('warning', 'The append-only file is off.', advice)
    const found = save === '' ? 'Nothing is kept on disk.' : `Only snapshots are kept on disk (${save}).`
    return problem('warning', found, advice)
  },
  'redis.disk': (facts) => {
    const failures = {
      rdb_last_bgsave_status: 'the last snapshot failed',
      aof_last_write_status: 'the append-only file cannot be written',
      aof_last_bgrewrite_status: 'the append-only file could not be rewritten',
    }
    const failed = Object.entries(failures).flatMap(([name, what]) => (facts[name] === 'err' ? [what] : []))
    if (failed.length === 0) return 'The last writes to disk succeeded.'
    const advice = 'Check its log and its disk: a server with a full disk may refuse all writes.'
    return problem('error', `Writes to disk failed: ${failed.join(', ')}.`, advice)
  },
  'redis.clients': ({ connected_clients: connected = '0', maxclients = '0' }) => {
    const limit = Number(maxclients)
    const found = `${connected} clients are connected${limit > 0 ? ` of ${maxclients}` : ''}.`
    if (limit === 0 || Number(connected) < limit * 0.8) return found
    return problem('warning', found, 'Raise maxclients; each worker takes four connections.')
  },
  'redis.access': ({ default_user_flags: flags }) => {
    if (flags === undefined) {
      const advice = 'Allow it to the user of REDIS_URL: ACL SETUSER … +acl|getuser'
      return problem('info', 'ACL is forbidden: cannot tell whether clients need a password.', advice)
    }
    const set = new Set(flags.split(' '))
    if (!set.has('on') || !set.has('nopass')) return 'Clients need a password.'
    const found = 'Clients need no password: anyone who reaches the server can pause queues and delete jobs.'
    const advice = 'Set requirepass or an ACL, and put the password into REDIS_URL (redis://:password@host).'
    return problem('warning', found, advice)
  },
  'redis.replicas': judgeReplicas,
  'redis.cluster': (facts) => {
    const { cluster_state: state = 'in an unknown state', cluster_slots_ok: slots = '?' } = facts
    if (facts['cluster_enabled'] !== '1') return 'The server is not part of a cluster.'
    if (state === 'ok' && slots === '16384') return 'The cluster is complete.'
    const found = `The cluster is ${state}; ${slots} of 16384 slots are served.`
    return problem('error', found, 'Check CLUSTER NODES, and restore the missing primaries.')
  },
}

/** Judges whether another server can take over. A single server is what it is meant to be. */
function judgeReplicas(facts: RedisFacts): Result {
  const count = Number(facts['connected_slaves'] ?? 0)
  const needed = Number(facts['min-replicas-to-write'] ?? 0)
  const found = `${count === 0 ? 'No replica is' : count === 1 ? '1 replica is' : `${count} replicas are`} connected`
  if ((facts['cluster_enabled'] === '1' || facts['has_sentinels'] === '1') && count === 0) {
    const advice = 'Add a replica on another machine: without one there is no failover.'
    return problem('warning', `${found}.`, advice)
  }
  if (needed === 0 || count > needed) return `${found}.`
  const effect = `min-replicas-to-write is ${needed}: without one of them the server refuses jobs`
  const advice = 'Add a replica. Payments need no setting here: they get jobs again that a failover loses.'
  return problem('warning', `${found}, and ${effect}.`, advice)
}

function formatBytes(bytes: number): string {
  if (bytes < 1_048_576) return `${Math.round(bytes / 1_024)} KiB`
  return bytes < 1_073_741_824
    ? `${Math.round(bytes / 1_048_576)} MiB`
    : `${(bytes / 1_073_741_824).toFixed(1)} GiB`
}
