/** How bad something is. */
export type Severity = 'ok' | 'info' | 'warning' | 'error'

/** One thing that was looked at. */
export interface Diagnosis {
  /** What was looked at, such as `redis.eviction`; never changes. */
  readonly id: string
  readonly severity: Severity
  /** What was found, one sentence. */
  readonly found: string
  /** What to do; '' when there is nothing to do. */
  readonly advice: string
}

/** A diagnosis. */
export function diagnosis(id: string, severity: Severity, found: string, advice: string = ''): Diagnosis {
  return { id, severity, found, advice }
}

/** How far two clocks are apart, when asking one of them took from `sentAt` to `receivedAt` by the other. */
export function clockDifference(askedMs: number, sentAt: number, receivedAt: number): number {
  if (askedMs < sentAt) return askedMs - sentAt
  return askedMs > receivedAt ? askedMs - receivedAt : 0
}

const CLOCK_WARNING_MS = 1_000
const CLOCK_ERROR_MS = 60_000

/** Judges how far a server's clock is from that of this machine, in milliseconds. */
export function judgeClock(id: string, server: string, differenceMs: number): Diagnosis {
  const apart = Math.abs(differenceMs)
  if (apart < CLOCK_WARNING_MS)
    return diagnosis(id, 'ok', `the clock of ${server} agrees with that of this machine`)
  const found = `the clock of ${server} is ${(apart / 1_000).toFixed(1)} s ${differenceMs > 0 ? 'ahead of' : 'behind'} that of this machine`
  const advice = 'let NTP (chrony, systemd-timesyncd) set the clocks of all machines'
  return diagnosis(id, apart < CLOCK_ERROR_MS ? 'warning' : 'error', found, advice)
}
