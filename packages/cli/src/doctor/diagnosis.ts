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
  /** The masters that it is about, where there are several and it is not about all. */
  readonly servers?: readonly string[] | undefined
}

/** What a check returns: what is as it should be, or a problem. */
export type Result = string | Omit<Diagnosis, 'id'>

/** Says what is wrong, or at least worth knowing, and what to do. */
export function problem(severity: Exclude<Severity, 'ok'>, found: string, advice: string): Result {
  return { severity, found, advice }
}

/** Names what a check returned. */
export function diagnose(id: string, result: Result): Diagnosis {
  return typeof result === 'string' ? { id, severity: 'ok', found: result, advice: '' } : { id, ...result }
}

/** Checks by their ids, in the order of the report. */
export type Checks<Facts> = Readonly<Record<string, (facts: Facts) => Result>>

/** Examines facts by every check. */
export function runChecks<Facts>(checks: Checks<Facts>, facts: Facts): Diagnosis[] {
  return Object.entries(checks).map(([id, check]) => diagnose(id, check(facts)))
}

/** What was found at one of several servers. */
export interface ServerFindings {
  readonly name: string
  readonly findings: readonly Diagnosis[]
}

/** Joins what was found at several servers: what is the same at all of them is said once, else it names them. */
export function joinServers(all: readonly ServerFindings[]): Diagnosis[] {
  const groups = new Map<string, { readonly finding: Diagnosis; readonly servers: string[] }>()
  for (const { name, findings } of all)
    for (const finding of findings) {
      const key = JSON.stringify(finding)
      const group = groups.get(key) ?? { finding, servers: [] }
      group.servers.push(name)
      groups.set(key, group)
    }
  // In the order of the checks; that of the servers within a check.
  const ids = [...new Set([...groups.values()].map(({ finding }) => finding.id))]
  return [...groups.values()]
    .toSorted((a, b) => ids.indexOf(a.finding.id) - ids.indexOf(b.finding.id))
    .map(({ finding, servers }) =>
      servers.length === all.length
        ? finding
        : { ...finding, found: `${servers.join(', ')}: ${finding.found}`, servers },
    )
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
  if (apart < CLOCK_WARNING_MS) return diagnose(id, `The clock of ${server} agrees with this machine.`)
  const found = `The clock of ${server} is ${(apart / 1_000).toFixed(1)} s ${differenceMs > 0 ? 'ahead of' : 'behind'} this machine.`
  const advice = 'Let NTP (chrony, systemd-timesyncd) set the clocks of all machines.'
  return diagnose(id, problem(apart < CLOCK_ERROR_MS ? 'warning' : 'error', found, advice))
}
