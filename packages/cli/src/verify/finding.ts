/** The verdict on one invariant. */
export interface Finding {
  /** The number of the invariant, such as `I1`. */
  readonly id: string
  /** Its number and name, such as `I01_charged_at_most_once`; stable. */
  readonly name: string
  /** The invariant, one sentence. */
  readonly title: string
  readonly verdict: 'PASS' | 'FAIL' | 'SKIPPED'
  /** Why it was skipped, or what could not be compared; empty when there is nothing to say. */
  readonly reason: string
  /** Number of breaches. */
  readonly count: number
  /** The first of them, at most ten: ids of payments, or what else names a breach. */
  readonly offenders: readonly string[]
  /** The breaches by what is wrong; empty when there are none. */
  readonly breaches: readonly Breach[]
  /** What to do about the breaches; empty when there are none. */
  readonly advice: string
}

/** Most offenders that are named. */
export const SHOWN = 10

/** Offenders, counted and the first of them named. */
export interface Breaches {
  readonly count: number
  readonly offenders: readonly string[]
}

/** One way in which an invariant is broken. */
export interface Breach extends Breaches {
  /** What is wrong with each offender. */
  readonly what: string
}

/** Describes breaches of one kind whose offenders are all known. */
export function breachOf(what: string, offenders: readonly string[]): Breach[] {
  if (offenders.length === 0) return []
  return [{ what, count: offenders.length, offenders: offenders.toSorted().slice(0, SHOWN) }]
}

/** Adds up breaches that were found in parts, by what is wrong. */
export function mergeBreaches(parts: readonly Breach[]): Breach[] {
  const merged = new Map<string, Breach>()
  for (const { what, count, offenders } of parts) {
    const before = merged.get(what) ?? { what, count: 0, offenders: [] }
    const named = [...before.offenders, ...offenders].slice(0, SHOWN)
    merged.set(what, { what, count: before.count + count, offenders: named })
  }
  return [...merged.values()]
}
