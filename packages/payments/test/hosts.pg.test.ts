import { eventually } from '@titan/testkit'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  createPaymentStore,
  createWriteProbe,
  openDatabase,
  type Database,
  type DatabaseOptions,
} from '../src/index.ts'
import { startMember, type Member } from './support/members.ts'
import { newKey } from './support/payments.ts'

const { sql, url } = await createMigratedDatabase()
const [names] = await sql<{ database: string }[]>`select quote_ident(current_database()) as database`
const { database = '' } = names ?? {}

/** No test waits for this long unless a connection is never given up. */
const PATIENT = { timeout: 60_000 }
/** A server that is silent is left because of another one, not because of a time limit. */
const ENDLESS: DatabaseOptions = { statementTimeoutMs: 0, poolSize: 3 }

/** The URL of several servers. */
function urlOf(members: readonly Member[], parameters = ''): string {
  const { username, password, pathname } = new URL(url)
  const hosts = members.map(({ port }) => `127.0.0.1:${port}`).join(',')
  return `postgres://${username}:${password}@${hosts}${pathname}${parameters}`
}

function open(toUrl: string, options: DatabaseOptions = ENDLESS): Database {
  const pool = openDatabase(toUrl, options)
  onTestFinished(() => pool.end({ timeout: 0 }))
  return pool
}

async function startMembers(...roles: ('primary' | 'standby')[]): Promise<Member[]> {
  return Promise.all(roles.map((role) => startMember(url, { isStandby: role === 'standby' })))
}

async function selectOne(pool: Database): Promise<unknown> {
  const [row] = await pool`select 1 as one`
  return row?.['one']
}

// F310 DATABASE_URL names several servers, in any order, of which some are standbys, refuse or say nothing: every
//  connection leads to the primary, and is opened within seconds
describe('several servers', () => {
  test.each([
    ['primary', 'standby'],
    ['standby', 'primary'],
    ['standby', 'standby', 'primary'],
  ] as const)('of %s, %s the primary is used', async (...roles) => {
    const members = await startMembers(...roles)
    const pool = open(urlOf(members))
    await Promise.all(Array.from({ length: 3 }, () => pool`select pg_sleep(0.05)`))
    const used = members.filter(({ accepted }) => accepted > 0)
    expect(used).toEqual(members.filter(({ isStandby }) => !isStandby))
  })

  test.each(['?target_session_attrs=primary', '?target_session_attrs=read-write'])(
    '%s is the default',
    async (is) => {
      const [standby, primary] = await startMembers('standby', 'primary')
      const pool = open(urlOf([standby, primary] as Member[], is))
      expect(await selectOne(pool)).toBe(1)
      expect(standby?.accepted).toBe(0)
    },
  )

  test('any takes the first that answers', async () => {
    const [dead, standby, primary] = (await startMembers('primary', 'standby', 'primary')) as [
      Member,
      Member,
      Member,
    ]
    dead.close()
    expect(await selectOne(open(urlOf([dead, standby, primary], '?target_session_attrs=any')))).toBe(1)
    expect([standby.accepted, primary.accepted]).toEqual([1, 0])
  })

  test('one that refuses and one that says nothing do not hold up the others', async () => {
    const [dead, silent, primary] = (await startMembers('primary', 'primary', 'primary')) as [
      Member,
      Member,
      Member,
    ]
    dead.close()
    silent.freeze()
    expect(await selectOne(open(urlOf([dead, silent, primary]), { connectTimeoutMs: 1_000 }))).toBe(1)
  })

  test('without a primary each statement fails with what each server is, and without the password', async () => {
    const [standby, dead] = (await startMembers('standby', 'primary')) as [Member, Member]
    dead.close()
    const pool = open(urlOf([standby, dead]))
    for (let n = 0; n < 3; n++)
      await expect(pool`select 1`).rejects.toMatchObject({
        code: 'NO_PRIMARY',
        message: `no primary among the servers of PostgreSQL: 127.0.0.1:${standby.port} is a standby; 127.0.0.1:${dead.port} failed (connect ECONNREFUSED 127.0.0.1:${dead.port})`,
      })
    standby.isStandby = false
    await eventually(async () => expect(await selectOne(pool)).toBe(1))
  })

  test('a login that every server refuses is said as it is, one that a server refuses is tried again', async () => {
    const { port } = new URL(url)
    const [dead] = (await startMembers('primary')) as [Member]
    dead.close()
    const stranger = (...ports: (string | number)[]): Database =>
      open(`postgres://stranger:secret@${ports.map((each) => `127.0.0.1:${each}`).join(',')}/nowhere`)
    await expect(stranger(port, port)`select 1`).rejects.toMatchObject({ code: '28P01' })
    const failing = await stranger(port, dead.port)`select 1`.catch(String)
    expect(failing).toMatch(/^Error: no primary .* failed \(password authentication failed .* ECONNREFUSED/)
    expect(failing).not.toContain('secret')
  })

  test('one server that must be the primary is not used as a standby', async () => {
    const [standby] = (await startMembers('standby')) as [Member]
    await expect(open(urlOf([standby], '?target_session_attrs=primary'))`select 1`).rejects.toMatchObject({
      code: 'NO_PRIMARY',
    })
  })

  test('of two that take writes the one that was promoted last is used', async () => {
    const [old, promoted] = (await startMembers('primary', 'primary')) as [Member, Member]
    promoted.timeline = 2
    expect(await selectOne(open(urlOf([old, promoted])))).toBe(1)
    expect(old.accepted).toBe(0)
  })
})

// F311 the primary is killed, or falls silent with open connections, and a standby is promoted: every pool of the
//  process moves there within seconds, and does not come back to the old one, which takes writes again
describe('failover', () => {
  test('after the primary was killed the promoted one is used', async () => {
    const [first, second] = (await startMembers('primary', 'standby')) as [Member, Member]
    const store = createPaymentStore(open(urlOf([first, second])))
    const create = (): Promise<unknown> => store.create({ amount: 1, idempotencyKey: newKey() })
    expect(await create()).toMatchObject({ kind: 'created' })
    first.close()
    await expect(create()).rejects.toThrow()
    Object.assign(second, { isStandby: false, timeline: 2 })
    await eventually(async () => expect(await create()).toMatchObject({ kind: 'created' }))
  })

  test(
    'connections to a primary that fell silent are dropped when another one is primary',
    PATIENT,
    async () => {
      const [first, second] = (await startMembers('primary', 'standby')) as [Member, Member]
      const both = urlOf([first, second])
      const [pool, idle] = [open(both), open(both)]
      await Promise.all([selectOne(pool), selectOne(pool), selectOne(idle)])
      first.freeze()
      const asked = Promise.allSettled([selectOne(pool), selectOne(pool)])
      Object.assign(second, { isStandby: false, timeline: 2 })
      // No time limit ends these.
      const message = `PostgreSQL at 127.0.0.1:${first.port} was left, because 127.0.0.1:${second.port} is the primary`
      for (const ended of await asked)
        expect(ended).toMatchObject({ status: 'rejected', reason: { code: 'NO_PRIMARY', message } })
      expect(await selectOne(pool)).toBe(1)
      first.thaw()
      const before = first.accepted
      for (const each of [pool, idle]) expect(await selectOne(each)).toBe(1)
      expect(first.accepted).toBe(before)
      // The thawed one still says that it is primary, and the other one is away.
      second.close()
      await expect(selectOne(pool)).rejects.toThrow()
      await expect(selectOne(pool)).rejects.toMatchObject({
        code: 'NO_PRIMARY',
        message: expect.stringContaining(`127.0.0.1:${first.port} is an old primary`),
      })
    },
  )

  test('a cluster that takes the place of another one is used, although its timelines begin anew', async () => {
    const [first, second] = (await startMembers('primary', 'standby')) as [Member, Member]
    const both = urlOf([first, second])
    const select = async (): Promise<unknown> => {
      const pool = open(both)
      try {
        return await selectOne(pool)
      } finally {
        // A connection that is open decides where the next one goes.
        await pool.end()
      }
    }
    first.timeline = 2
    expect(await select()).toBe(1)
    Object.assign(first, { timeline: 1, cluster: '2' })
    // As long as a server of the old one is there, that one may be right.
    await expect(select()).rejects.toMatchObject({ code: 'NO_PRIMARY' })
    second.cluster = '2'
    expect(await select()).toBe(1)
  })

  test('a statement that takes its time at the primary is not disturbed', PATIENT, async () => {
    const members = await startMembers('primary', 'standby')
    expect(await open(urlOf(members))`select pg_sleep(2.6), 1 as one`).toMatchObject([{ one: 1 }])
  })
})

// F312 a server that connections lead to takes no writes, because it was demoted or its address led to a standby: they are
//  replaced until one takes writes, whether the programs write or only a load balancer asks
test.each(['a write', 'the probe of /readyz'])(
  '%s that finds a server read-only replaces the connections',
  async (by) => {
    // A separate URL, because pools of one URL leave a server together.
    const pool = open(`${url}?prepare=${by === 'a write'}`, { poolSize: 2 })
    const store = createPaymentStore(pool)
    const probe = createWriteProbe(pool)
    const act = (): Promise<unknown> =>
      by === 'a write' ? store.create({ amount: 1, idempotencyKey: newKey() }) : probe()
    await sql.unsafe(`alter database ${database} set default_transaction_read_only = on`)
    await expect(act()).rejects.toThrow()
    await sql.unsafe(`alter database ${database} reset default_transaction_read_only`)
    // The sessions that are open stay as they were.
    await eventually(act)
    await act()
  },
)
