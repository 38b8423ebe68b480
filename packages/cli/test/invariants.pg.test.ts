import { spawnSync } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { applyOutcome, DEFAULT_RETRY_POLICY, FINGERPRINT_VERSION, TRANSITIONS } from '@titan/payments'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { verify, type Finding } from '../src/index.ts'
import { readInvariants } from '../src/verify/invariants.ts'
import { readInvariantFile, SQL_FOLDER } from '../src/verify/sql-files.ts'
import { OWN_BREACHES } from './support/own-breaches.ts'
import { soundMovements, soundVoid } from './support/own-movement-breaches.ts'
import { afterPlanting, withoutTriggers } from './support/planted.ts'
import { createWorld } from './support/world.ts'

const checks = (await readInvariants()).flatMap((invariant) => invariant.checks)
const files = (await readdir(SQL_FOLDER)).filter((file) => file.endsWith('.sql')).toSorted()
const hasPsql = spawnSync('psql', ['--version']).status === 0
const world = await createWorld(inject('databaseUrl'), inject('redisUrl'))
afterAll(() => world.close())

/** Everything that a payment can say, in characters that JSON escapes and that sort differently as UTF-16. */
const SAID = {
  currency: 'EUR',
  paymentMethod: { stripe: 'pm_"1"', adyen: '\\2' },
  customer: 'cus_1',
  reference: 'order "4711" \\ ü',
  description: 'Two chairs, {a,b}',
  statementDescriptor: 'SHOP CHAIRS',
  metadata: { '\ue000': '\u2028', '\u{1f600}': 'b', aa: 'é/\u007e' },
  priority: 'high',
  capture: 'manual',
  customerPresent: true,
  returnUrl: 'https://shop.example/back',
  executeAt: new Date('2026-01-02T03:04:05.060Z'),
  expiresAt: new Date('2099-12-31T23:59:59.999Z'),
} as const

/** Everything that was found wrong in any test of this file. */
const seen = new Set<string>()

function broken(findings: readonly Finding[]): Finding[] {
  const failed = findings.filter(({ verdict }) => verdict === 'FAIL')
  for (const { what } of failed.flatMap(({ breaches }) => breaches)) seen.add(what)
  return failed
}

describe('our own books alone show', () => {
  // F163 a row is changed by hand or by a bug: amounts, keys, statuses, attempts, histories, leases,
  //  contradictions, webhooks: found from our own books, under the invariant that it breaks
  // F166 a payment is deleted, and something still names it: history, attempt, contradiction, webhook,
  //  decision, job: I6 names it
  it.each(OWN_BREACHES)('$name ($breaks)', async ({ plant, breaks, offender }) => {
    const findings = await afterPlanting(world.sql, withoutTriggers(plant(world.ids)), (sql) =>
      verify({ sql }),
    )

    const failed = broken(findings)
    expect(failed.map(({ id }) => id).toSorted()).toEqual(breaks.toSorted())
    expect(failed.flatMap(({ offenders }) => offenders)).toContain(offender?.(world.ids) ?? world.ids.paid)
    expect(failed.every(({ advice }) => advice !== '')).toBe(true)
  })

  it('nothing where nothing was planted', async () => {
    expect(broken(await verify({ sql: world.sql }))).toEqual([])
  })

  it.each([
    ['refunds and a capture', soundMovements],
    ['a void', soundVoid],
  ])('nothing where %s were made', async (_what, plant) => {
    const findings = await afterPlanting(world.sql, withoutTriggers(plant(world.ids)), (sql) =>
      verify({ sql }),
    )
    expect(broken(findings)).toEqual([])
  })

  it('what is in flight although everything should be settled (I5)', async () => {
    const { pending, queued, unknown } = world.ids
    expect(broken(await verify({ sql: world.sql, settled: true }))).toMatchObject([
      { id: 'I5', offenders: [pending, queued, unknown].toSorted() },
    ])
  })
})

describe('a table that is read in ranges', () => {
  // F167
  it('shows the breaches of every range, and of what is beyond the last payment', async () => {
    const { paid, queued, pending } = world.ids
    const plant = `
      update payments set amount = 1 where id in ('${paid}', '${queued}', '${pending}');
      insert into payment_event_rows (payment_id, seq, type, to_status, actor)
      values ('a', 1, 'payment.created', 'PENDING', 'api'), ('zzz', 1, 'payment.created', 'PENDING', 'api')`
    const findings = await afterPlanting(world.sql, withoutTriggers(plant), (sql) =>
      verify({ sql, rangeSize: 2 }),
    )

    const offenders = Object.fromEntries(broken(findings).map((finding) => [finding.id, finding.offenders]))
    expect(offenders['I26']).toEqual([paid, queued, pending].toSorted())
    expect(offenders['I6']).toEqual(['a', 'zzz'])
  })

  // F167 `titan verify` on a large table while payments move: short transactions of one range each, no false
  //  alarm
  it('raises no alarm while payments move', { timeout: 60_000 }, async () => {
    const { sql, store } = world
    let isDone = false
    const moving = (async () => {
      for (let n = 0; n < 60; n++) {
        const said = n % 2 === 0 ? {} : SAID
        const created = await store.create({ amount: 500, idempotencyKey: `moving-${n}`, ...said })
        if (created.kind !== 'created') throw new Error(created.kind)
        const { id } = created.payment
        const answer = await store.claim(id, { owner: 'w1', leaseMs: 10_000, gateway: 'simulated' })
        if (answer.kind !== 'claimed') throw new Error(answer.reason)
        const { paymentId, attemptNo } = answer.claim
        const outcome = { type: 'SUCCEEDED', gatewayRef: `ch_${n}`, amount: 500, currency: 'USD' } as const
        const report = { paymentId, attemptNo, gateway: 'simulated', outcome, actor: 'webhook:simulated' }
        expect(await applyOutcome(report, { store })).toBe('settled')
      }
      isDone = true
    })()
    while (!isDone) expect(broken(await verify({ sql, rangeSize: 3 }))).toEqual([])
    await moving
  })

  // F167
  it('is read in transactions of one range each', async () => {
    const begun: string[] = []
    const counting = new Proxy(world.sql, {
      get: (target, name, receiver) => {
        const value: unknown = Reflect.get(target, name, receiver)
        if (name === 'begin') begun.push(name)
        return value
      },
    })
    await verify({ sql: counting, rangeSize: 1_000_000 })
    const whole = begun.length
    begun.length = 0
    await verify({ sql: counting, rangeSize: 1 })
    const [row] = await world.sql<{ count: number }[]>`select count(*)::float8 as count from payments`
    expect(begun.length).toBe(whole + (row?.count ?? 0))
  })
})

describe('each check of sql/invariants', () => {
  // F163
  it('finds a planted breach with each of its branches', () => {
    const ofRecords = checks.filter(({ scope }) => scope === 'range' || scope === 'whole')
    const branches = ofRecords.flatMap(({ name, text }) =>
      [...text.matchAll(/^select [^\n]*?'((?:[^'\n]|'')+)'(?: as detail)?$/gm)].map((match) => ({
        name,
        what: match[1]?.replaceAll("''", "'") ?? '',
      })),
    )
    expect(branches.length).toBeGreaterThan(ofRecords.length)
    expect(branches.filter(({ what }) => !seen.has(what))).toEqual([])
  })

  it('has the defaults of verify, and the transitions and the hash version of payments', async () => {
    const defaultOf = (variable: string): Set<string | undefined> =>
      new Set(
        checks.filter(({ defaults }) => defaults.has(variable)).map(({ defaults }) => defaults.get(variable)),
      )
    expect(defaultOf('max_retries')).toEqual(new Set([String(DEFAULT_RETRY_POLICY.maxRetries)]))
    const legal = await readInvariantFile('I18_transitions_are_legal.sql')
    expect(
      [...legal.matchAll(/\('([A-Z]*)', '([A-Z]+)'\)(?=[,)])/g)].map(([, from, to]) => [from, to]),
    ).toEqual([...TRANSITIONS].flatMap(([from, targets]) => targets.map((to) => [from ?? '', to])))
    expect(await readInvariantFile('I26_request_is_unchanged.sql')).toContain(
      `where fp_version not in (${Array.from({ length: FINGERPRINT_VERSION }, (_, before) => before + 1).join(', ')}) `,
    )
  })

  it.each(files)('%s has the header of a statement', async (file) => {
    const lines = (await readInvariantFile(file)).split('\n')
    const header = lines.slice(
      0,
      lines.findIndex((line) => !line.startsWith('--')),
    )
    expect(header[0]).toMatch(/^-- [A-Z].*[^ ]$/)
    const fields = header.slice(1).flatMap((line) => /^-- ([A-Z]+) +\S/.exec(line)?.[1] ?? [])
    expect(fields.join(' ')).toMatch(/^PARAMS RETURNS WHY( ADVICE)?( NEEDS)?( UNLISTED)?$/)
    if (!file.startsWith('I')) return
    expect(header).toContain('-- RETURNS  subject, detail')
    const body = lines.slice(header.length).join('\n')
    const set = [...body.matchAll(/^\\set (\w+) '.*'$/gm)].map(([, variable]) => variable)
    expect(new Set([...body.matchAll(/:'(\w+)'/g)].map(([, variable]) => variable))).toEqual(new Set(set))
    for (const variable of set) expect(header.join('\n')).toMatch(new RegExp(`^--.* ${variable}[,:]`, 'm'))
  })

  it.runIf(hasPsql).each(files.filter((file) => /^I\d\d_\w+(\.whole)?\.sql$/.test(file)))(
    '%s can be pasted into psql',
    async (file) => {
      const psql = spawnSync('psql', ['-X', '-v', 'ON_ERROR_STOP=1', world.env['DATABASE_URL'] ?? ''], {
        input: await readInvariantFile(file),
        encoding: 'utf8',
      })
      expect(psql).toMatchObject({ status: 0, stderr: '' })
      expect(psql.stdout).toMatch(/^ subject \| detail[\s\S]*\(0 rows\)\s*$/)
    },
  )

  it('belongs to an invariant with a title and advice', async () => {
    for (const { name, title, advice, unseen } of await readInvariants()) {
      expect(title, name).toMatch(/^[A-Z].*\.$/)
      expect(unseen ?? advice, name).not.toBe('')
    }
  })
})
