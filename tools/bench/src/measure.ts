import type { Comparison, Context, Sample, Scenario, Side, Size } from './scenario.ts'

/** The median of several numbers and how far they spread. */
interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly rounds: readonly number[]
}

/** What one side did, metric by metric. */
interface SideResult {
  readonly name: string
  readonly setting: string | undefined
  readonly metrics: Readonly<Record<string, Summary>>
}

/** The result of a scenario. */
export type ScenarioResult = Awaited<ReturnType<typeof measure>>
export type Ratio = ReturnType<typeof compare>[number]

const USUAL_ROUNDS: Readonly<Record<Size, number>> = { smoke: 1, quick: 3, full: 5 }

/** Runs a scenario: a round to warm up, then counted rounds in which the sides take turns. */
export async function measure(
  scenario: Scenario,
  size: Size,
  tell: (line: string) => void = () => {},
  previous?: string,
) {
  const begun = performance.now()
  const deferred: (() => Promise<unknown>)[] = []
  const context: Context = {
    size,
    previous,
    pick: (amounts) => amounts[size],
    defer: (close) => void deferred.push(close),
  }
  try {
    const sides = await scenario.prepare(context)
    const rounds = size === 'full' ? (scenario.rounds ?? USUAL_ROUNDS.full) : USUAL_ROUNDS[size]
    const samples = new Map(sides.map((side): [Side, Sample[]] => [side, []]))
    for (let round = size === 'smoke' ? 1 : 0; round <= rounds; round++) {
      for (const [side, kept] of samples) {
        const sample = await side.run()
        tell(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${side.name}: ${describe(sample)}`)
        if (round > 0) kept.push(sample)
      }
    }
    const results = [...samples].map(([side, kept]) => summarizeSide(scenario, side, kept))
    const { name, title, about, metrics, comparisons } = scenario
    const ratios = comparisons.flatMap((comparison) => compare(comparison, results))
    return { name, title, about, metrics, sides: results, ratios, tookMs: performance.now() - begun }
  } finally {
    for (const close of deferred.toReversed()) await close()
  }
}

function describe(sample: Sample): string {
  return Object.entries(sample)
    .map(([key, value]) => `${key} ${value >= 100 ? Math.round(value) : value.toPrecision(3)}`)
    .join(', ')
}

function summarizeSide({ metrics }: Scenario, side: Side, samples: readonly Sample[]): SideResult {
  const measured = metrics.flatMap(({ key }): [string, Summary][] => {
    const rounds = samples.map((sample) => sample[key]).filter((value) => value !== undefined)
    return rounds.length === 0 ? [] : [[key, summarize(rounds)]]
  })
  return { name: side.name, setting: side.setting, metrics: Object.fromEntries(measured) }
}

/** Takes a ratio round by round between neighbours in time; none when a side could not be measured on this machine. */
function compare({ metric, of, to, goal }: Comparison, results: readonly SideResult[]) {
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
  const isMet = goal && ('atLeast' in goal ? summary.median >= goal.atLeast : summary.median <= goal.atMost)
  return [{ ...summary, metric, of, to: typeof to === 'string' ? to : to.name, goal, isMet }]
}

function summarize(rounds: readonly number[]): Summary {
  return { median: quantile(rounds, 0.5), min: Math.min(...rounds), max: Math.max(...rounds), rounds }
}

/** Returns the value below which a share of the numbers lies, linear between neighbours; NaN of none. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = Float64Array.from(numbers).toSorted()
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? Number.NaN
  const above = sorted[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}
