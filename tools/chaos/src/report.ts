import { styleText } from 'node:util'
import type { ChaosReport, Progress } from './chaos.ts'
import type { Gap } from './gaps.ts'
import type { RollingReport } from './rolling.ts'
import type { UpgradeReport } from './upgrade.ts'

/** Formats the progress of a run in one line. */
export function formatProgress({ phase, elapsedMs, clients, faults, unfinished }: Progress): string {
  const left = unfinished === undefined ? '' : `, ${unfinished} payments in flight`
  return (
    `${phase.padEnd(9)} ${(elapsedMs / 1_000).toFixed(0).padStart(4)} s: ` +
    `${clients.answered} of ${clients.tried} payments answered, ${clients.repeated} requests repeated, ${faults} faults${left}`
  )
}

/** Formats the result of a run as a table. */
export function formatReport(report: ChaosReport): string {
  const {
    clients,
    moves,
    faults,
    statuses,
    movements,
    gateways,
    rerouted,
    reviews,
    breaches,
    quietAfterMs,
    seed,
    gaps,
    gapsByFault,
  } = report
  const faultCount = Object.values(faults).reduce((sum, count) => sum + count, 0)
  const rows: Row[] = [
    ['seed', seed],
    ['payments tried', clients.tried],
    ['payments answered', clients.answered],
    ['requests repeated', clients.repeated],
    ['reused keys refused', clients.refused],
    ['refunds, captures, voids', moves.refund + moves.capture + moves.void],
    ...indented(movements),
    ['refunds above the charge refused', moves.refused],
    ['longest without an accepted payment', inSeconds(gaps.accepted?.ms), under(gaps.accepted)],
    ['longest without a payment that ends', inSeconds(gaps.ended?.ms), under(gaps.ended)],
    [
      `  accepted again within ${GAP_GOAL_MS / 1_000} s`,
      (gaps.accepted?.ms ?? 0) < GAP_GOAL_MS ? 'yes' : 'no',
    ],
    ['faults', faultCount, 'longest without an accepted payment, without one that ends'],
    ...indented(faults).map(([name, count]): Row => {
      const [accepted, ended] = [gapsByFault.accepted[name.trim()], gapsByFault.ended[name.trim()]]
      return [name, count, `${inSeconds(accepted)}, ${inSeconds(ended)}`]
    }),
    ['jobs reclaimed', report.reclaimed],
    ['attempts reclaimed', report.reclaimedAttempts],
    ['lost jobs replaced', report.requeued],
    ['stale results discarded', report.stale],
    ['ended under faults', report.endedUnderFaults],
    ['quiet after', quietAfterMs === undefined ? 'never' : inSeconds(quietAfterMs)],
    ['payments by status', Object.values(statuses).reduce((sum, count) => sum + count, 0)],
    ...indented(statuses),
    ...(Object.keys(gateways).some((name) => name.startsWith('second'))
      ? [['tried at both gateways', rerouted] as const, ...indented(gateways)]
      : []),
    ...Object.entries(reviews).map(([reason, count]) => [`  review: ${reason}`.slice(0, 70), count] as const),
    ['breaches', breaches.length],
  ]
  return table(report, rows)
}

/** Formats the result of a rolling restart as a table. */
export function formatRolling(report: RollingReport): string {
  const { clients, statuses, pickupMs, breaches } = report
  const isSoon = pickupMs !== undefined && pickupMs.p99 < GOAL_MS
  return table(report, [
    ['seed', report.seed],
    ['payments tried', clients.tried],
    ['payments answered', clients.answered],
    ['workers restarted', report.restarts],
    ['jobs released', report.released],
    ['  claimed after, p50', inMs(pickupMs?.p50)],
    ['  claimed after, p99', inMs(pickupMs?.p99)],
    ['  claimed after, at most', inMs(pickupMs?.max)],
    [`  p99 under ${GOAL_MS / 1_000} s`, isSoon ? 'yes' : 'no'],
    ['attempts reclaimed', report.reclaimedAttempts],
    ['payments by status', Object.values(statuses).reduce((sum, count) => sum + count, 0)],
    ...indented(statuses),
    ['breaches', breaches.length],
  ])
}

/** Formats the result of an upgrade as a table. */
export function formatUpgrade(report: UpgradeReport): string {
  const { clients, statuses, breaches } = report
  return table(report, [
    ['seed', report.seed],
    ['payments tried', clients.tried],
    ['payments answered', clients.answered],
    ['programs restarted', report.restarts],
    ['payments by status', Object.values(statuses).reduce((sum, count) => sum + count, 0)],
    ...indented(statuses),
    ['breaches', breaches.length],
  ])
}

/** How soon other workers should claim nearly all jobs of a worker that stops. */
const GOAL_MS = 1_000

function inMs(ms: number | undefined): string {
  return ms === undefined ? 'none' : `${ms} ms`
}

/** How soon payments should be accepted again, whatever fails. */
const GAP_GOAL_MS = 10_000

function inSeconds(ms: number | undefined): string {
  return ms === undefined ? 'none' : `${(ms / 1_000).toFixed(1)} s`
}

function under(gap: Gap | undefined): string {
  return gap === undefined || gap.faults.length === 0 ? 'under no fault' : `under ${gap.faults.join(', ')}`
}

type Row = readonly [name: string, value: string | number, note?: string]

/** Formats the rows, and below them each breach and how to investigate it. */
function table(
  { breaches, folder, seed }: ChaosReport | RollingReport | UpgradeReport,
  rows: readonly Row[],
): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  const stream = process.stdout
  const lines = rows.map(([name, value, note = '']) =>
    `${name.padEnd(width)}  ${String(value).padStart(8)}  ${note}`.trimEnd(),
  )
  if (breaches.length === 0)
    return [
      ...lines,
      '',
      styleText('green', 'Nothing was lost, nothing was charged or refunded twice.', { stream }),
    ].join('\n')
  return [
    ...lines,
    '',
    ...breaches.map((breach) => styleText('red', `✗ ${breach}`, { stream })),
    '',
    `The data is in ${folder}: postgres, redis, and ledger.jsonl with every request and charge of the gateway.`,
    `Repeat the schedule with --seed ${seed}. For one payment, read payment_history, attempt_history and the ledger.`,
  ].join('\n')
}

function indented(counts: Readonly<Record<string, number>>): (readonly [string, number])[] {
  return Object.entries(counts)
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([name, count]) => [`  ${name}`, count])
}
