import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describeConditions, type Conditions } from './conditions.ts'
import type { Ratio, ScenarioResult } from './measure.ts'
import type { Metric } from './scenario.ts'

/** What is kept of a run. */
export interface Run {
  readonly conditions: Conditions
  readonly results: readonly ScenarioResult[]
}

const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

/** Replaces what stands between the markers of a file. @throws when it has none */
export function replaceTable(file: string, table: string): void {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const begin = text.indexOf(BEGIN)
  const end = text.indexOf(END)
  if (begin === -1 || end < begin) throw new Error(`${file} has no ${BEGIN} … ${END}`)
  writeFileSync(file, `${text.slice(0, begin)}${BEGIN}\n\n${table}\n\n${text.slice(end)}`)
}

/** The ratios with goals, short: for the front page. */
export function shortTable({ conditions, results }: Run): string {
  const rows = results.flatMap((result) =>
    result.ratios
      .filter((ratio) => ratio.goal !== undefined)
      .map((ratio) => [
        titleOf(result, ratio),
        valueOf(result, ratio.of, ratio.metric),
        `${ratio.to}${besideOf(result, ratio)}`,
        `**${formatRatio(ratio.median)}**`,
      ]),
  )
  return [
    ...markdown(['what', 'here', 'beside', 'ratio'], rows),
    '',
    `Medians of one run in which both sides took turns. ${describeConditions(conditions)}.`,
  ].join('\n')
}

/** Everything, with spread and goals: for the page on performance. */
export function longTables({ conditions, results }: Run): string {
  const parts = results.map((result) =>
    [
      `### ${result.title}`,
      '',
      `${result.about} \`bench ${result.name}\``,
      '',
      ...markdown(['', ...result.metrics.map(({ title, unit }) => `${title}, ${unit}`)], sideRows(result)),
      ...(result.ratios.length === 0
        ? []
        : ['', ...markdown(['ratio', 'median', 'from – to', 'goal'], ratioRows(result))]),
    ].join('\n'),
  )
  return [`${describeConditions(conditions)}.`, ...parts].join('\n\n')
}

/** One line per ratio, for the terminal. */
export function ratioLines(result: ScenarioResult): string[] {
  return result.ratios.map((ratio) => {
    const verdict = ratio.isMet === undefined ? '' : ratio.isMet ? ', met' : ', MISSED'
    const goal = ratio.goal === undefined ? '' : `, goal ${formatGoal(ratio.goal)}${verdict}`
    const spread = `${formatRatio(ratio.min)} – ${formatRatio(ratio.max)}`
    return `${ratio.of} : ${ratio.to} (${ratio.metric})  ${formatRatio(ratio.median)}  [${spread}]${goal}`
  })
}

function sideRows(result: ScenarioResult): string[][] {
  return result.sides.map((side) => [
    side.setting === undefined ? side.name : `${side.name}<br>${side.setting}`,
    ...result.metrics.map(({ key }) => {
      const summary = side.metrics[key]
      if (summary === undefined) return ''
      return `${format(summary.median)} (${format(summary.min)} – ${format(summary.max)})`
    }),
  ])
}

function ratioRows(result: ScenarioResult): string[][] {
  return result.ratios.map((ratio) => [
    `${ratio.of} : ${ratio.to}${result.metrics.length > 1 ? `, ${metricOf(result, ratio).title}` : ''}`,
    `**${formatRatio(ratio.median)}**`,
    `${formatRatio(ratio.min)} – ${formatRatio(ratio.max)}`,
    ratio.goal === undefined ? '' : `${formatGoal(ratio.goal)}${ratio.isMet === true ? '' : ', missed'}`,
  ])
}

function titleOf(result: ScenarioResult, ratio: Ratio): string {
  return result.metrics.length > 1 ? `${result.title}: ${metricOf(result, ratio).title}` : result.title
}

function metricOf(result: ScenarioResult, ratio: Ratio): Metric {
  const metric = result.metrics.find(({ key }) => key === ratio.metric)
  if (metric === undefined) throw new Error(`${result.name} has no metric ${ratio.metric}`)
  return metric
}

function valueOf(result: ScenarioResult, side: string, metric: string): string {
  const summary = result.sides.find(({ name }) => name === side)?.metrics[metric]
  const unit = result.metrics.find(({ key }) => key === metric)?.unit ?? ''
  return summary === undefined ? '' : `${format(summary.median)} ${unit}`
}

function besideOf(result: ScenarioResult, ratio: Ratio): string {
  const value = valueOf(result, ratio.to, ratio.metric)
  return value === '' ? '' : `: ${value}`
}

function formatGoal(goal: NonNullable<Ratio['goal']>): string {
  return 'atLeast' in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`
}

function formatRatio(value: number): string {
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(2)}×`
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3)
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}
