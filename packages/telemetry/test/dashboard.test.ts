import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { expectMeasured } from './support/sources.ts'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
}

interface Dashboard {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}

const folder = new URL('../../../deploy/grafana/', import.meta.url)
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8')
const { panels, templating } = JSON.parse(read('dashboards/titan.json')) as Dashboard
const variables = templating.list.map(({ name }) => name)
const charts = panels.filter(({ type }) => type !== 'row')

/** As Grafana does, with everything chosen. */
function withVariables(expression: string): string {
  return expression.replaceAll(/\$(\w+)/g, (_, name: string) => {
    if (name === '__rate_interval') return '1m'
    expect(variables).toContain(name)
    return '.+'
  })
}

describe('the Grafana dashboard', () => {
  it.each(charts.map(({ id, title, targets = [] }) => [`${id} ${title}`, targets] as const))(
    'shows what is measured: %s',
    (_name, targets) => {
      expect(targets).not.toEqual([])
      for (const { expr } of targets) expectMeasured(withVariables(expr))
    },
  )

  it('offers choices that are measured', () => {
    const definitions = templating.list.flatMap(({ definition }) => definition ?? [])
    expect(definitions).toHaveLength(4)
    for (const definition of definitions)
      expectMeasured(/^label_values\((.+), \w+\)$/.exec(definition)?.[1] ?? '')
  })

  it('has every panel once, in its own place', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24)
  })

  it('is provided with its source', () => {
    const { datasources } = parse(read('provisioning/datasources/prometheus.yml')) as {
      readonly datasources: readonly { readonly type: string; readonly url: string }[]
    }
    const { providers } = parse(read('provisioning/dashboards/titan.yml')) as {
      readonly providers: readonly { readonly options: { readonly path: string } }[]
    }
    expect(datasources).toMatchObject([{ type: 'prometheus', url: 'http://prometheus:9090' }])
    expect(providers).toMatchObject([{ options: { path: '/var/lib/grafana/dashboards' } }])
  })
})
