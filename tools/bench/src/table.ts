import { readFileSync, writeFileSync } from 'node:fs'
import { describeConditions, type Conditions } from './conditions.ts'
import type { Ratio, ScenarioResult } from './measure.ts'

/** The results of a run, as they are kept. */
export interface Run {
  readonly conditions: Conditions
  readonly results: readonly ScenarioResult[]
}

const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

/** Replaces the text between the markers of a page. @throws when the page has no markers */
export function replaceTable(file: string, table: string): void {
  const text = readFileSync(file, 'utf8')
  const begin = text.indexOf(BEGIN)
  const end = text.indexOf(END)
  if (begin === -1 || end < begin) throw new Error(`${file} has no ${BEGIN} … ${END}`)
  writeFileSync(file, `${text.slice(0, begin)}${BEGIN}\n\n${table}\n\n${text.slice(end)}`)
}

/** Formats the ratios that have goals as a Markdown table. */
export function formatTable({ conditions, results }: Run): string {
  const rows = results.flatMap((result) =>
    result.ratios
      .filter((ratio) => ratio.goal !== undefined)
      .map((ratio) => [
        titleOf(result, ratio),
        valueOf(result, ratio.of, ratio.metric),
        [ratio.to, valueOf(result, ratio.to, ratio.metric)].filter((text) => text !== '').join(': '),
        `**${formatRatio(ratio.median)}**`,
      ]),
  )
  const head = ['what', 'here', 'compared with', 'ratio']
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  const note = `Medians of one run in which both sides took turns. ${describeConditions(conditions)}.`
  return [...lines, '', note].join('\n')
}

/** Formats each ratio in one line, for the terminal. */
export function ratioLines(result: ScenarioResult): string[] {
  return result.ratios.map((ratio) => {
    const verdict = ratio.isMet === undefined ? '' : ratio.isMet ? ', met' : ', MISSED'
    const goal = ratio.goal === undefined ? '' : `, goal ${formatGoal(ratio.goal)}${verdict}`
    const spread = `${formatRatio(ratio.min)} – ${formatRatio(ratio.max)}`
    return `${ratio.of} : ${ratio.to} (${ratio.metric})  ${formatRatio(ratio.median)}  [${spread}]${goal}`
  })
}

function titleOf({ title, metrics, name }: ScenarioResult, ratio: Ratio): string {
  if (metrics.length === 1) return title
  const metric = metrics.find(({ key }) => key === ratio.metric)
  if (metric === undefined) throw new Error(`${name} has no metric ${ratio.metric}`)
  return `${title}: ${metric.title}`
}

function valueOf(result: ScenarioResult, side: string, metric: string): string {
  const summary = result.sides.find(({ name }) => name === side)?.metrics[metric]
  const unit = result.metrics.find(({ key }) => key === metric)?.unit ?? ''
  return summary === undefined ? '' : `${format(summary.median)} ${unit}`
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
