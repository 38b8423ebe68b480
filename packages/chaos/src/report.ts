import { styleText } from 'node:util'
import type { ChaosReport, Progress } from './chaos.ts'

/** One line that says how far a run is. */
export function formatProgress({ phase, elapsedMs, clients, faults, unfinished }: Progress): string {
  const left = unfinished === undefined ? '' : `, ${unfinished} payments under way`
  return (
    `${phase.padEnd(9)} ${(elapsedMs / 1_000).toFixed(0).padStart(4)} s: ` +
    `${clients.answered} of ${clients.tried} payments answered, ${clients.repeated} requests repeated, ${faults} faults${left}`
  )
}

/** What a run came to, as a table for people. */
export function formatReport(report: ChaosReport): string {
  const { clients, faults, statuses, reviews, breaches, quietAfterMs, seed, folder } = report
  const faultCount = Object.values(faults).reduce((sum, count) => sum + count, 0)
  const rows: (readonly [name: string, value: string | number])[] = [
    ['seed', seed],
    ['payments tried', clients.tried],
    ['payments answered', clients.answered],
    ['requests repeated', clients.repeated],
    ['stolen keys refused', clients.refused],
    ['faults', faultCount],
    ...indented(faults),
    ['jobs taken over', report.reclaimed],
    ['attempts taken over', report.takenOver],
    ['lost jobs replaced', report.requeued],
    ['late results dropped', report.stale],
    ['ended under faults', report.endedUnderFaults],
    ['quiet after', quietAfterMs === undefined ? 'never' : `${(quietAfterMs / 1_000).toFixed(1)} s`],
    ['payments by status', Object.values(statuses).reduce((sum, count) => sum + count, 0)],
    ...indented(statuses),
    ...Object.entries(reviews).map(([reason, count]) => [`  review: ${reason}`.slice(0, 70), count] as const),
    ['breaches', breaches.length],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const stream = process.stdout
  const table = rows.map(([name, value]) => `${name.padEnd(width)}  ${String(value).padStart(8)}`)
  if (breaches.length === 0)
    return [
      ...table,
      '',
      styleText('green', 'Nothing was lost, nothing was charged twice.', { stream }),
    ].join('\n')
  return [
    ...table,
    '',
    ...breaches.map((breach) => styleText('red', `✗ ${breach}`, { stream })),
    '',
    `The data is in ${folder}: postgres, redis, and ledger.jsonl with every request and charge of the gateway.`,
    `Repeat the schedule with --seed ${seed}. For one payment, look at payment_events and payment_attempts, and in the ledger.`,
  ].join('\n')
}

function indented(counts: Readonly<Record<string, number>>): (readonly [string, number])[] {
  return Object.entries(counts)
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([name, count]) => [`  ${name}`, count])
}
