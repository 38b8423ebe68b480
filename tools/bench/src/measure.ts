import type { Comparison, Context, Metric, Sample, Scenario, Side, Size } from './scenario.ts'
import { summarize, type Summary } from './statistics.ts'

/** What one side did, metric by metric. */
export interface SideResult {
  readonly name: string
  readonly setting: string | undefined
  readonly metrics: Readonly<Record<string, Summary>>
}

/** A ratio, taken round by round between neighbours in time. */
export interface Ratio extends Summary {
  readonly metric: string
  readonly of: string
  readonly to: string
  readonly goal: Comparison['goal']
  readonly isMet: boolean | undefined
}

/** What came out of a scenario. */
export interface ScenarioResult {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly metrics: readonly Metric[]
  readonly sides: readonly SideResult[]
  readonly ratios: readonly Ratio[]
  readonly tookMs: number
}

const USUAL_ROUNDS: Readonly<Record<Size, number>> = { smoke: 1, quick: 3, full: 5 }

/** Runs a scenario: a round to warm up, then counted rounds in which the sides take turns. */
export async function measure(
  scenario: Scenario,
  size: Size,
  tell: (line: string) => void = () => {},
): Promise<ScenarioResult> {
  const begun = performance.now()
  const deferred: (() => Promise<unknown>)[] = []
  const context: Context = {
    size,
    pick: (amounts) => amounts[size],
    defer: (close) => void deferred.push(close),
  }
  try {
    const sides = await scenario.prepare(context)
    const rounds = size === 'full' ? (scenario.rounds ?? USUAL_ROUNDS.full) : USUAL_ROUNDS[size]
    const samples = new Map(sides.map((side): [string, Sample[]] => [side.name, []]))
    for (let round = size === 'smoke' ? 1 : 0; round <= rounds; round++) {
      for (const side of sides) {
        const sample = await side.run()
        tell(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${side.name}: ${describe(sample)}`)
        if (round > 0) samples.get(side.name)?.push(sample)
      }
    }
    const results = sides.map((side) => summarizeSide(scenario, side, samples.get(side.name) ?? []))
    return {
      name: scenario.name,
      title: scenario.title,
      about: scenario.about,
      metrics: scenario.metrics,
      sides: results,
      ratios: scenario.comparisons.flatMap((comparison) => compare(comparison, results)),
      tookMs: performance.now() - begun,
    }
  } finally {
    for (const close of deferred.toReversed()) await close()
  }
}

function describe(sample: Sample): string {
  return Object.entries(sample)
    .map(([key, value]) => `${key} ${value >= 100 ? Math.round(value) : value.toPrecision(3)}`)
    .join(', ')
}

function summarizeSide(scenario: Scenario, side: Side, samples: readonly Sample[]): SideResult {
  const measured = scenario.metrics.flatMap(({ key }): [string, Summary][] => {
    const rounds = samples.map((sample) => sample[key]).filter((value) => value !== undefined)
    return rounds.length === 0 ? [] : [[key, summarize(rounds)]]
  })
  return { name: side.name, setting: side.setting, metrics: Object.fromEntries(measured) }
}

/** No ratio when a side could not be measured on this machine. */
function compare({ metric, of, to, goal }: Comparison, results: readonly SideResult[]): Ratio[] {
  const roundsOf = (name: string): readonly number[] =>
    results.find((result) => result.name === name)?.metrics[metric]?.rounds ?? []
  const own = roundsOf(of)
  const other = typeof to === 'string' ? roundsOf(to) : own.map(() => to.value)
  const ratios = own.flatMap((value, round) => {
    const compared = other[round]
    return compared === undefined ? [] : [value / compared]
  })
  if (ratios.length === 0) return []
  const summary = summarize(ratios)
  return [
    {
      ...summary,
      metric,
      of,
      to: typeof to === 'string' ? to : to.name,
      goal,
      isMet: goal && ('atLeast' in goal ? summary.median >= goal.atLeast : summary.median <= goal.atMost),
    },
  ]
}
