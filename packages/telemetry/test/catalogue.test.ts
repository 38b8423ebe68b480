import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createApiMetrics } from '../src/api-metrics.ts'
import { createWorkerMetrics } from '../src/worker-metrics.ts'
import { describePrograms, type Described } from './support/catalogue.ts'
import { hasPromtool, promtool } from './support/promtool.ts'

const metrics = describePrograms()
const ours = metrics.filter(({ name }) => name.startsWith('titan_'))

describe('the names of what is measured', () => {
  it('are in base units, and end as their type wants it', () => {
    expect(ours.length).toBeGreaterThan(40)
    for (const { name, type } of ours) {
      expect(name).toMatch(/^titan_[a-z]+(_[a-z]+)*$/)
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb|percent)(_|$)/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      if (type === 'histogram') expect(name).toMatch(/_seconds$/)
    }
  })

  it('say in one sentence what they are', () => {
    for (const { name, help } of ours) expect(help, name).toMatch(/^[A-Z].+\.$/)
  })

  it.skipIf(!hasPromtool)('please Prometheus', async () => {
    for (const { registry } of [createApiMetrics('1.0.0'), createWorkerMetrics('1.0.0', () => [])])
      expect(promtool(['check', 'metrics'], ourText(await registry.metrics()))).toBe('')
  })
})

/** The library's own metrics are not ours to name. */
function ourText(text: string): string {
  const blocks = text.split(/(?=# HELP )/)
  return `${blocks
    .filter((block) => block.startsWith('# HELP titan_'))
    .join('')
    .trimEnd()}\n`
}

describe('docs/metrics.md', () => {
  it('lists what both programs measure (rewritten by vitest --update)', async () => {
    const file = fileURLToPath(new URL('../../../docs/metrics.md', import.meta.url))
    const page = readFileSync(file, 'utf8')
    const parts = /^(.*<!-- metrics:begin -->\n).*(<!-- metrics:end -->.*)$/s.exec(page) ?? []
    expect(parts).toHaveLength(3)
    await expect(`${parts[1]}\n${tableOf(ours)}\n${parts[2]}`).toMatchFileSnapshot(file)
  })
})

function tableOf(described: readonly Described[]): string {
  const rows = described.map(({ name, type, labels, programs, help }) => {
    const names = labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${type} | ${names} | ${programs.join(', ')} | ${help} |`
  })
  return `| metric | type | labels | program | meaning |\n|---|---|---|---|---|\n${rows.join('\n')}\n`
}
