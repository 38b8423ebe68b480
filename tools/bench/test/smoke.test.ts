import { expect, test } from 'vitest'
import { measure } from '../src/measure.ts'
import { scenarios } from '../src/scenarios.ts'
import { formatTable, ratioLines } from '../src/table.ts'

const conditions = {
  at: '2026-01-01T00:00:00.000Z',
  size: 'smoke',
  cpu: 'a processor',
  cores: 2,
  memoryGiB: 8,
  system: 'Linux',
  node: 'v26.0.0',
  loadBefore: 0,
  versions: { Redis: '7.0.15' },
}

// Every side checks for itself that its jobs were done, and throws when they were not.
test.for(scenarios.map((scenario) => [scenario.name, scenario] as const))(
  '%s measures every side and compares them',
  { timeout: 120_000 },
  async ([, scenario]) => {
    const result = await measure(scenario, 'smoke')
    expect(result.sides.length).toBeGreaterThan(1)
    for (const side of result.sides) {
      const measured = Object.values(side.metrics)
      expect(measured.length, side.name).toBeGreaterThan(0)
      for (const { median } of measured) expect(median, side.name).toBeGreaterThan(0)
    }
    const names = new Set(result.sides.map(({ name }) => name))
    const expected = scenario.comparisons.filter(({ to }) => typeof to !== 'string' || names.has(to))
    expect(expected.length).toBeGreaterThan(0)
    expect(result.ratios).toHaveLength(expected.length)
    for (const { median } of result.ratios) expect(median).toBeGreaterThan(0)
    expect(ratioLines(result)).toHaveLength(expected.length)
    const run = { conditions, results: [result] }
    expect(formatTable(run)).toContain('a processor')
  },
)
