/** How bad something is. */
export type Severity = 'ok' | 'info' | 'warning' | 'error'

/** What the doctor says of one thing. */
export interface Diagnosis {
  /** What was examined, such as `redis.eviction`; never changes. */
  readonly id: string
  readonly severity: Severity
  /** What was found, in one sentence. */
  readonly found: string
  /** What to do; '' when there is nothing to do. */
  readonly advice: string
}

/** Says that something is as it should be. */
export function ok(id: string, found: string): Diagnosis {
  return { id, severity: 'ok', found, advice: '' }
}

/** Says what is wrong, or at least worth knowing, and what to do. */
export function problem(
  severity: Exclude<Severity, 'ok'>,
  id: string,
  found: string,
  advice: string,
): Diagnosis {
  return { id, severity, found, advice }
}

/** Returns how far two clocks are apart, when reading one of them took from `sentAt` to `receivedAt` by the other. */
export function clockDifference(readMs: number, sentAt: number, receivedAt: number): number {
  if (readMs < sentAt) return readMs - sentAt
  return readMs > receivedAt ? readMs - receivedAt : 0
}

const CLOCK_WARNING_MS = 1_000
const CLOCK_ERROR_MS = 60_000

/** Judges how far a server's clock is from that of this machine, in milliseconds. */
export function judgeClock(id: string, server: string, differenceMs: number): Diagnosis {
  const apart = Math.abs(differenceMs)
  if (apart < CLOCK_WARNING_MS) return ok(id, `The clock of ${server} agrees with this machine.`)
  const found = `The clock of ${server} is ${(apart / 1_000).toFixed(1)} s ${differenceMs > 0 ? 'ahead of' : 'behind'} this machine.`
  const advice = 'Let NTP (chrony, systemd-timesyncd) set the clocks of all machines.'
  return problem(apart < CLOCK_ERROR_MS ? 'warning' : 'error', id, found, advice)
}
