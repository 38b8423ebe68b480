import { applyOutcome } from '@titan/payments'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { readChecks } from '../src/verify/check-files.ts'
import { verify, type Finding } from '../src/index.ts'
import { OWN_BREACHES } from './support/own-breaches.ts'
import { afterPlanting, withoutTriggers } from './support/planted.ts'
import { createWorld } from './support/world.ts'

const checks = await readChecks()
const world = await createWorld(inject('databaseUrl'), inject('redisUrl'))
afterAll(() => world.close())

/** Everything that was found wrong in any test of this file. */
const seen = new Set<string>()

function broken(findings: readonly Finding[]): Finding[] {
  const failed = findings.filter(({ verdict }) => verdict === 'FAIL')
  for (const { what } of failed.flatMap(({ breaches }) => breaches)) seen.add(what)
  return failed
}

describe('our own books alone show', () => {
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
})

describe('a table that is read in ranges', () => {
  it('shows the breaches of every range, and of what is beyond the last payment', async () => {
    const { paid, queued, pending } = world.ids
    const plant = `
      update payments set amount = 1 where id in ('${paid}', '${queued}', '${pending}');
      insert into payment_events (payment_id, seq, type, to_status, actor)
      values ('a', 1, 'payment.created', 'PENDING', 'api'), ('zzz', 1, 'payment.created', 'PENDING', 'api')`
    const findings = await afterPlanting(world.sql, withoutTriggers(plant), (sql) =>
      verify({ sql, rangeSize: 2 }),
    )

    const offenders = Object.fromEntries(broken(findings).map((finding) => [finding.id, finding.offenders]))
    expect(offenders['I26']).toEqual([paid, queued, pending].toSorted())
    expect(offenders['I6']).toEqual(['a', 'zzz'])
  })

  it('raises no alarm while payments move', { timeout: 60_000 }, async () => {
    const { sql, store } = world
    let isDone = false
    const moving = (async () => {
      for (let n = 0; n < 60; n++) {
        const created = await store.create({ amount: 500, idempotencyKey: `moving-${n}` })
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
  it('finds a planted breach with each of its branches', () => {
    const ofBooks = checks.filter(({ scope }) => scope === 'payments' || scope === 'database')
    const branches = ofBooks.flatMap(({ name, text }) =>
      [...text.matchAll(/^select [^\n]*?'((?:[^'\n]|'')+)'(?: as what)?$/gm)].map((match) => ({
        name,
        what: match[1]?.replaceAll("''", "'") ?? '',
      })),
    )
    expect(branches.length).toBeGreaterThan(ofBooks.length)
    expect(branches.filter(({ what }) => !seen.has(what))).toEqual([])
  })

  it.each(checks)('$name tells what it does, reads and answers', ({ name, text, params }) => {
    const lines = text.split('\n')
    const header = lines.slice(
      0,
      lines.findIndex((line) => !line.startsWith('--')),
    )
    expect(header[0]).toMatch(/^-- Finds [^.]+\.$/)
    const told = header.map((line) => line.slice(0, 11)).filter((line) => line.trim() !== '--')
    expect(told.slice(1)).toEqual(['-- SCOPE   ', '-- PARAMS  ', '-- RETURNS ', '-- WHY     '])
    expect(header).toContain('-- RETURNS  id, what')
    const used = new Set(
      [
        ...lines
          .slice(header.length)
          .join('\n')
          .matchAll(/\$(\d+)/g),
      ].map((match) => match[1]),
    )
    expect(used, name).toEqual(new Set(params.map((_, index) => String(index + 1))))
  })
})
