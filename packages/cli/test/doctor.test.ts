import type { ServerDescription } from '@titan/payments'
import type { ConsumerView, QueueStats } from '@titan/queue-core'
import { describe, expect, it } from 'vitest'
import {
  clockDifference,
  diagnose,
  joinServers,
  judgeClock,
  problem,
  type Diagnosis,
} from '../src/doctor/diagnosis.ts'
import { judgePostgres, type PostgresFacts } from '../src/doctor/postgres.ts'
import { judgeServers, judgeStandbys, type ReplicationFacts } from '../src/doctor/replication.ts'
import { judgeQueue } from '../src/doctor/queue.ts'
import { judgeRedis, type RedisFacts } from '../src/doctor/redis.ts'
import { judgeSentinels } from '../src/doctor/sentinels.ts'

const REDIS: RedisFacts = {
  redis_version: '7.4.2',
  role: 'master',
  maxmemory: '1000',
  used_memory: '100',
  maxmemory_policy: 'noeviction',
  aof_enabled: '1',
  appendfsync: 'everysec',
  connected_clients: '3',
  maxclients: '10000',
  cluster_enabled: '0',
  default_user_flags: 'on sanitize-payload',
}

const POSTGRES: PostgresFacts = {
  versionNumber: 180_001,
  isReplica: false,
  isReadOnly: false,
  replicationRole: 'origin',
  strayed: [],
  fsync: 'on',
  fullPageWrites: 'on',
  synchronousCommit: 'on',
  autovacuum: 'on',
  connectionLimit: 97,
  connections: 5,
}

const STATS: QueueStats = {
  ready: 0,
  readyByPriority: { high: 0, default: 0, low: 0 },
  leased: 0,
  delayed: 0,
  parked: 0,
  dead: 0,
  oldestReadyMs: 0,
  nextDueAt: undefined,
  paused: false,
  group: 'workers',
}

const ALIVE: ConsumerView = { name: 'w1', leases: 2, idleMs: 1_000 }
const GONE: ConsumerView = { name: 'w2', leases: 3, idleMs: 600_000 }

const faults = (findings: readonly Diagnosis[]): string[] =>
  findings.filter(({ severity }) => severity !== 'ok').map(({ id, severity }) => `${severity} ${id}`)

describe('the judgement of Redis', () => {
  it('finds nothing wrong with a server as it should be', () => {
    expect(faults(judgeRedis(REDIS))).toEqual([])
  })

  it.each<[string, RedisFacts, string[]]>([
    ['an old version', { redis_version: '6.2.1' }, ['error redis.version']],
    ['eviction under a limit', { maxmemory_policy: 'allkeys-lru' }, ['error redis.eviction']],
    [
      'eviction without a limit',
      { maxmemory_policy: 'allkeys-lru', maxmemory: '0' },
      ['warning redis.eviction', 'info redis.memory'],
    ],
    ['memory that is short', { used_memory: '800' }, ['warning redis.memory']],
    ['memory that is used up', { used_memory: '990' }, ['error redis.memory']],
    ['no persistence', { aof_enabled: '0', save: '' }, ['warning redis.persistence']],
    ['snapshots alone', { aof_enabled: '0', save: '3600 1' }, ['warning redis.persistence']],
    ['no fsync', { appendfsync: 'no' }, ['warning redis.persistence']],
    ['a snapshot that failed', { rdb_last_bgsave_status: 'err' }, ['error redis.disk']],
    ['a log that cannot be written', { aof_last_write_status: 'err' }, ['error redis.disk']],
    ['a log of which CONFIG tells nothing', { appendfsync: undefined }, ['warning redis.persistence']],
    ['users of which ACL tells nothing', { default_user_flags: undefined }, ['info redis.access']],
    [
      'a master of a cluster without a replica',
      { cluster_enabled: '1', cluster_state: 'ok', cluster_slots_ok: '16384', connected_slaves: '0' },
      ['warning redis.replicas'],
    ],
    [
      'a master of Sentinels without a replica',
      { has_sentinels: '1', connected_slaves: '0' },
      ['warning redis.replicas'],
    ],
    [
      'a cluster that serves not every slot',
      { cluster_enabled: '1', cluster_state: 'ok', cluster_slots_ok: '10923', connected_slaves: '1' },
      ['error redis.cluster'],
    ],
    [
      'a replica that writes need',
      { connected_slaves: '1', 'min-replicas-to-write': '1' },
      ['warning redis.replicas'],
    ],
    ['a replica', { role: 'slave', master_host: 'other' }, ['error redis.role']],
    ['a server that loads', { loading: '1' }, ['warning redis.role']],
    [
      'clients without a password',
      { default_user_flags: 'on nopass sanitize-payload' },
      ['warning redis.access'],
    ],
    ['a password', { default_user_flags: 'on sanitize-payload' }, []],
    ['a default user that is off', { default_user_flags: 'off nopass' }, []],
    ['too many clients', { connected_clients: '9000' }, ['warning redis.clients']],
    [
      'a broken cluster',
      { connected_slaves: '1', cluster_enabled: '1', cluster_state: 'fail' },
      ['error redis.cluster'],
    ],
    [
      'a whole cluster',
      { connected_slaves: '1', cluster_enabled: '1', cluster_state: 'ok', cluster_slots_ok: '16384' },
      [],
    ],
    // F126, F253
  ])('finds %s', (_case, facts, expected) => {
    expect(faults(judgeRedis({ ...REDIS, ...facts }))).toEqual(expected)
  })
})

describe('the judgement of PostgreSQL', () => {
  it('finds nothing wrong with a server as it should be', () => {
    expect(faults(judgePostgres(POSTGRES, 10))).toEqual([])
  })

  it.each<[string, Partial<PostgresFacts>, string[]]>([
    ['an old version', { versionNumber: 130_002 }, ['warning postgres.version']],
    ['a replica', { isReplica: true }, ['error postgres.role']],
    ['a server that is read-only', { isReadOnly: true }, ['error postgres.role']],
    ['triggers that do not run', { replicationRole: 'replica' }, ['error postgres.session']],
    ['a pooler that drops settings', { strayed: ['DateStyle = German, DMY'] }, ['error postgres.session']],
    ['fsync off', { fsync: 'off' }, ['error postgres.durability']],
    ['asynchronous commits', { synchronousCommit: 'off' }, ['error postgres.durability']],
    ['few connections left', { connections: 90 }, ['warning postgres.connections']],
    ['no connection left', { connections: 97 }, ['error postgres.connections']],
    ['autovacuum off', { autovacuum: 'off' }, ['error postgres.autovacuum']],
  ])('finds %s', (_case, facts, expected) => {
    expect(faults(judgePostgres({ ...POSTGRES, ...facts }, 10))).toEqual(expected)
  })

  const ANY_ONE = {
    names: 'ANY 1 (a, b)',
    synchronousCommit: 'on',
    standbys: 2,
    synchronous: 2,
    hidden: 0,
    lagBytes: 0,
  }
  it.each<[string, Partial<ReplicationFacts>, string[]]>([
    ['two synchronous standbys', {}, []],
    ['no standby, and none expected', { names: '', standbys: 0, synchronous: 0 }, []],
    ['standbys that no commit waits for', { names: '' }, ['warning standbys']],
    ['no standby for a commit to wait for', { standbys: 0, synchronous: 0 }, ['error standbys']],
    [
      'too few standbys for a commit',
      { names: 'FIRST 2 (a, b)', standbys: 1, synchronous: 1 },
      ['error standbys'],
    ],
    ['standbys that it may not look at', { synchronous: 0, hidden: 1, lagBytes: null }, []],
    ['commits that wait for none', { synchronousCommit: 'local' }, ['warning standbys']],
    ['a standby far behind', { lagBytes: 100 * 1_048_576 }, ['warning standbys']],
  ])('finds %s', (_case, facts, expected) => {
    expect(faults([diagnose('standbys', judgeStandbys({ ...ANY_ONE, ...facts }))])).toEqual(expected)
  })

  it.each<[ServerDescription['role'], string[]]>([
    ['standby', []],
    ['unreachable', ['warning servers']],
    ['old primary', ['error servers']],
  ])('judges a second server that is %s', (role, expected) => {
    const servers = [
      { role: 'primary' as const, text: 'a:5432 is the primary' },
      { role, text: 'b:5432 is' },
    ]
    expect(faults([diagnose('servers', judgeServers(servers))])).toEqual(expected)
  })
})

describe('the judgement of a queue', () => {
  it('finds nothing wrong with one that is worked off', () => {
    expect(faults(judgeQueue('q', { ...STATS, ready: 5, oldestReadyMs: 2_000 }, [ALIVE]))).toEqual([])
  })

  it.each<[string, Partial<QueueStats>, readonly ConsumerView[], string[]]>([
    ['no worker ever', { group: '' }, [], ['info q.group']],
    ['no worker any more', { ready: 1, oldestReadyMs: 90_000 }, [], ['error q.workers']],
    ['workers that are too slow', { ready: 1, oldestReadyMs: 90_000 }, [ALIVE], ['warning q.workers']],
    ['a pause', { ready: 1, oldestReadyMs: 90_000, paused: true }, [], ['warning q.paused']],
    ['dead letters', { dead: 3 }, [ALIVE], ['warning q.dead']],
    ['jobs of a worker that is gone', {}, [ALIVE, GONE], ['warning q.orphans']],
    ['jobs of workers that are all gone', {}, [GONE], ['error q.orphans']],
  ])('finds %s', (_case, stats, workers, expected) => {
    expect(faults(judgeQueue('q', { ...STATS, ...stats }, workers))).toEqual(expected)
  })
})

describe('the judgement of clocks', () => {
  it('excuses the time that the question took', () => {
    expect(clockDifference(1_500, 1_000, 2_000)).toBe(0)
    expect(clockDifference(900, 1_000, 2_000)).toBe(-100)
    expect(clockDifference(2_300, 1_000, 2_000)).toBe(300)
  })

  it.each([
    [999, 'ok'],
    [-5_000, 'warning'],
    [61_000, 'error'],
  ])('finds a difference of %i ms %s', (differenceMs, severity) => {
    expect(judgeClock('c', 'Redis', differenceMs).severity).toBe(severity)
  })

  it('tells what to do about everything that is wrong', () => {
    const wrong = [
      ...judgeRedis({ maxmemory_policy: 'x', role: 'slave', aof_enabled: '0', cluster_enabled: '1' }),
      ...judgePostgres(
        { ...POSTGRES, versionNumber: 1, fsync: 'off', connections: 97, autovacuum: 'off' },
        1,
      ),
      ...judgeQueue('q', { ...STATS, ready: 1, oldestReadyMs: 1e6, dead: 1, group: '' }, [GONE]),
    ]
    for (const { severity, advice } of wrong) if (severity !== 'ok') expect(advice).not.toBe('')
  })
})

describe('what several servers say', () => {
  it('is said once where they agree, and by name where they do not', () => {
    const same = diagnose('redis.version', 'Redis 8.0.0')
    const bad = diagnose('redis.replicas', problem('warning', 'No replica is connected.', 'Add one.'))
    const good = diagnose('redis.replicas', '1 replica is connected.')
    const joined = joinServers([
      { name: 'a:1', findings: [same, bad] },
      { name: 'b:2', findings: [same, good] },
      { name: 'c:3', findings: [same, bad] },
    ])
    expect(joined).toEqual([
      same,
      { ...bad, found: 'a:1, c:3: No replica is connected.', servers: ['a:1', 'c:3'] },
      { ...good, found: 'b:2: 1 replica is connected.', servers: ['b:2'] },
    ])
    expect(joinServers([{ name: 'a:1', findings: [same, bad] }])).toEqual([same, bad])
  })
})

describe('the judgement of Sentinels', () => {
  const facts = { 'num-other-sentinels': '2', quorum: '2' }
  const trio = ['a:1', 'b:2', 'c:3'].map((name) => ({ name, facts, problem: undefined }))

  it('finds nothing wrong with three of which two must agree', () => {
    expect(faults(judgeSentinels(trio))).toEqual([])
    expect(judgeSentinels([])).toEqual([])
  })

  it.each<[string, object, string[]]>([
    ['a quorum of all', { quorum: '3' }, ['warning sentinel.quorum']],
    ['too few', { 'num-other-sentinels': '1', quorum: '1' }, ['warning sentinel.number']],
  ])('finds %s', (_case, some, expected) => {
    expect(faults(judgeSentinels(trio.map((one) => ({ ...one, facts: { ...facts, ...some } }))))).toEqual(
      expected,
    )
  })

  it('finds one that does not respond, and says what it cannot tell', () => {
    const [first, ...others] = trio.map((one) => ({ ...one, facts: {} }))
    const silent = [
      { name: 'a:1', facts: first?.facts ?? {}, problem: new Error('does not respond') },
      ...others,
    ]
    expect(faults(judgeSentinels(silent))).toEqual([
      'warning sentinel.reached',
      'info sentinel.number',
      'info sentinel.quorum',
    ])
  })
})
