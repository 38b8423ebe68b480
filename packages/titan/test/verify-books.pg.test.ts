import { afterAll, describe, expect, inject, it } from 'vitest'
import { readChecks } from '../src/check-files.ts'
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
