import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { hasPromtool, promtool } from './support/promtool.ts'
import { expectMeasured } from './support/sources.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** What the autoscaler of the workers goes by. */
interface Scaler {
  readonly spec: { readonly triggers?: readonly { readonly metadata: { readonly query: string } }[] }
}

const path = (name: string): string =>
  fileURLToPath(new URL(`../../../deploy/prometheus/${name}`, import.meta.url))
const { groups } = parse(readFileSync(path('alerts.yml'), 'utf8')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[]
}
const rules = groups.flatMap((group) => group.rules)
const page = readFileSync(new URL('../../../docs/alerts.md', import.meta.url), 'utf8')
const sections = [...page.matchAll(/^### (\w+)$/gm)].map(([, name = '']) => name)

describe('the alert rules', () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s asks for what is measured, and says what to do',
    (name, { expr, labels, annotations }) => {
      expectMeasured(expr)
      expect(['critical', 'warning']).toContain(labels['severity'])
      expect(Object.keys(annotations)).toEqual(['summary', 'description', 'runbook'])
      expect(annotations['runbook']).toBe(`docs/alerts.md#${name.toLowerCase()}`)
      expect(sections).toContain(name)
    },
  )

  it('have a section each in the page that says what to do, and the page no others', () => {
    expect(sections.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted())
  })

  it('are found in the example of a configuration', () => {
    const config = parse(readFileSync(path('prometheus.yml'), 'utf8')) as Readonly<Record<string, unknown>>
    expect(config['rule_files']).toEqual(['alerts.yml'])
  })

  it.skipIf(!hasPromtool)('are valid to Prometheus itself, as is its configuration', () => {
    expect(promtool(['check', 'rules', path('alerts.yml')])).toContain('SUCCESS')
    expect(promtool(['check', 'config', path('prometheus.yml')])).toContain('SUCCESS')
  })

  it.skipIf(!hasPromtool)('warn in the stories that are told for them, and in no others', () => {
    expect(promtool(['test', 'rules', path('alerts.test.yml')])).toContain('SUCCESS')
  })

  it('are each told a story in which they warn', () => {
    const stories = readFileSync(path('alerts.test.yml'), 'utf8')
    for (const { alert } of rules) expect(stories).toContain(`alertname="${alert}"`)
  })
})

test('the autoscaler of the workers asks for what is measured', () => {
  const file = new URL('../../../deploy/kubernetes/base/autoscaling.yaml', import.meta.url)
  const objects = parseAllDocuments(readFileSync(file, 'utf8'), { merge: true }).map(
    (it) => it.toJS() as Scaler,
  )
  const queries = objects.flatMap(({ spec }) => spec.triggers ?? []).map(({ metadata }) => metadata.query)
  expect(queries).toHaveLength(2)
  for (const query of queries) {
    expectMeasured(query)
    expect(query).toContain('queue="payments"')
  }
})
