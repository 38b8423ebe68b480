import type { Schedule } from '@titan/queue-core'
import { formatSections, formatTable } from '../output.ts'
import type { Change } from './mapping.ts'
import { REASONS, type ReasonToStay } from './reasons.ts'

/** Examples of what stays, per reason. */
const EXAMPLES = 5

const CHANGES: Readonly<Record<Change, string>> = {
  custom_backoff: 'Its backoff strategy is code: the backoff of the worker applies.',
  deduplication: 'Its deduplication at BullMQ ends. An id deduplicates here.',
  jitter: 'Exponential backoff here has jitter of 0.5, fixed backoff none.',
  lifo: 'It keeps its place; what is retried or added later goes behind.',
}

interface Staying {
  readonly state: string
  readonly reason: ReasonToStay
  count: number
  readonly examples: string[]
}

/** What an import did, or would do. */
export interface ImportReport {
  readonly moved: Readonly<Record<string, number>>
  /** Jobs that an interrupted import had taken, and this one settled. */
  readonly resumed: number
  /** Ids that the target knew: nothing was added. */
  readonly alreadyThere: { readonly count: number; readonly examples: readonly string[] }
  readonly schedules: readonly { readonly key: string; readonly cron: string; readonly timeZone: string }[]
  readonly changed: readonly { readonly change: Change; readonly count: number; readonly about: string }[]
  readonly stays: readonly (Readonly<Staying> & { readonly advice: string })[]
  readonly interrupted: boolean
}

/** Counts what an import does. */
export interface Tally {
  /** Starts the count of what stays again: only the last pass is reported. */
  beginPass(): void
  moved(state: string, count: number): void
  movedJobs(): number
  resumed(count: number): void
  alreadyThere(ids: readonly string[]): void
  scheduled(schedule: Pick<Schedule, 'key' | 'cron' | 'timeZone'>): void
  changed(changes: readonly Change[]): void
  stays(state: string, reason: ReasonToStay, id: string): void
  staysMany(state: string, reason: ReasonToStay, count: number): void
  interrupt(): void
  report(): ImportReport
}

export function createTally(): Tally {
  const moved = new Map<string, number>()
  const changed = new Map<Change, number>()
  const kept = new Map<string, Staying>()
  const schedules: Pick<Schedule, 'key' | 'cron' | 'timeZone'>[] = []
  const examples: string[] = []
  let [present, resumed, interrupted] = [0, 0, false]

  function add(state: string, reason: ReasonToStay, count: number): Staying {
    const name = `${state} ${reason}`
    const entry = kept.get(name) ?? { state, reason, count: 0, examples: [] }
    entry.count += count
    kept.set(name, entry)
    return entry
  }

  return {
    beginPass() {
      for (const [name, { state }] of kept)
        if (state !== 'repeating' && state !== 'in transit') kept.delete(name)
    },
    moved: (state, count) => void (count > 0 && moved.set(state, (moved.get(state) ?? 0) + count)),
    movedJobs: () => [...moved.values()].reduce((sum, count) => sum + count, present),
    resumed: (count) => void (resumed += count),
    alreadyThere(ids) {
      present += ids.length
      examples.push(...ids.slice(0, EXAMPLES - examples.length))
    },
    scheduled: ({ key, cron, timeZone }) => void schedules.push({ key, cron, timeZone }),
    changed(changes) {
      for (const change of changes) changed.set(change, (changed.get(change) ?? 0) + 1)
    },
    stays(state, reason, id) {
      const entry = add(state, reason, 1)
      if (entry.examples.length < EXAMPLES) entry.examples.push(id)
    },
    staysMany: (state, reason, count) => void (count > 0 && add(state, reason, count)),
    interrupt: () => void (interrupted = true),
    report: () => ({
      moved: Object.fromEntries(moved),
      resumed,
      alreadyThere: { count: present, examples },
      schedules,
      changed: [...changed].map(([change, count]) => ({ change, count, about: CHANGES[change] })),
      stays: [...kept.values()].map((entry) => ({ ...entry, advice: REASONS[entry.reason] })),
      interrupted,
    }),
  }
}

/** A report for people. */
export function formatReport(report: ImportReport, dryRun: boolean): string {
  const { moved, resumed, alreadyThere, schedules, changed, stays, interrupted } = report
  const rows = [
    ...Object.entries(moved),
    ['of an interrupted import', resumed] as const,
    [
      `already there${alreadyThere.count === 0 ? '' : `: ${alreadyThere.examples.join(', ')}`}`,
      alreadyThere.count,
    ] as const,
  ].filter(([, count]) => count > 0)
  return formatSections({
    [dryRun ? 'Would be moved' : 'Moved']: formatTable(
      rows.map(([state, jobs]) => ({ state, jobs })),
      'no jobs',
    ),
    Schedules:
      schedules.length === 0
        ? undefined
        : formatTable(schedules.map(({ key, cron, timeZone }) => ({ key, cron, 'time zone': timeZone }))),
    Changed:
      changed.length === 0
        ? undefined
        : formatTable(changed.map(({ count, about }) => ({ jobs: count, about }))),
    'Left at BullMQ':
      stays.length === 0
        ? undefined
        : formatTable(
            stays.map(({ state, reason, count, examples, advice }) => ({
              state,
              jobs: count,
              why: reason,
              'such as': examples.join(', '),
              advice,
            })),
          ),
    Interrupted: interrupted ? 'Run the same command again: it continues.' : undefined,
  })
}
