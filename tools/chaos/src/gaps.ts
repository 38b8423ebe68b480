/** A fault, and when it was; epoch milliseconds. */
export interface Span {
  readonly fault: string
  readonly from: number
  /** Infinity while it lasts. */
  to: number
}

/** A time in which something did not happen. */
export interface Gap {
  readonly ms: number
  /** The faults that it lay under. */
  readonly faults: readonly string[]
}

/** How long the effects of a fault may begin or last after its end, in milliseconds. */
const AFTERMATH_MS = 3_000

/** Finds the longest time between two events, in epoch milliseconds, and the faults of that time. */
export function longestGap(times: readonly number[], spans: readonly Span[]): Gap | undefined {
  const [longest] = stretchesOf(times).toSorted((one, other) => other.to - other.from - (one.to - one.from))
  if (longest === undefined) return undefined
  const faults = spans.filter((span) => overlaps(span, longest)).map(({ fault }) => fault)
  return { ms: longest.to - longest.from, faults: [...new Set(faults)] }
}

/** Finds the longest time between two events under each kind of fault. */
export function gapsByFault(times: readonly number[], spans: readonly Span[]): Record<string, number> {
  const stretches = stretchesOf(times)
  const gaps: Record<string, number> = {}
  for (const span of spans)
    for (const stretch of stretches)
      if (overlaps(span, stretch))
        gaps[span.fault] = Math.max(gaps[span.fault] ?? 0, stretch.to - stretch.from)
  return gaps
}

type Stretch = Pick<Span, 'from' | 'to'>

function stretchesOf(times: readonly number[]): Stretch[] {
  const sorted = times.toSorted((one, other) => one - other)
  return sorted.slice(1).map((to, index) => ({ from: sorted[index] ?? to, to }))
}

function overlaps(span: Span, { from, to }: Stretch): boolean {
  return span.from < to && span.to + AFTERMATH_MS > from
}
