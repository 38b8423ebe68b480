import type { Queue } from '@titan/queue-core'
import { EXIT, toggle, wholeNumber, type Program, type SettingsTable } from '@titan/service'
import { confirm } from './confirm.ts'
import { untilInterrupted } from './interrupt.ts'
import { filterSettings, findDeadLetters, isNarrow, type DeadLetterFilter } from './dead-letters.ts'
import { writeResult } from '../output.ts'
import { startProgress } from '../progress.ts'
import { commonSettings, queueProgram, type AnyJobs, type QueueSettings, type QueueServers } from './queue.ts'

/** The settings of commands that change dead letters. */
export interface ActSettings extends QueueSettings, DeadLetterFilter {
  readonly all: boolean
  readonly yes: boolean
}

/** The settings of `titan dlq redrive`. */
export interface RedriveSettings extends ActSettings {
  readonly rate: number
}

const actSettings: SettingsTable<ActSettings> = {
  ...commonSettings,
  ...filterSettings,
  all: toggle({ flag: 'all', about: 'All dead letters of the queue.' }, false),
  yes: toggle({ flag: 'yes', about: 'Skip the confirmation.' }, false),
}

/** The program `titan dlq redrive`. */
export const dlqRedriveProgram: Program<RedriveSettings, QueueServers> = queueProgram({
  name: 'titan dlq redrive',
  description: 'Redrive dead letters with fresh counts: by ID, by filter, or --all.',
  settings: {
    ...actSettings,
    rate: wholeNumber(
      { flag: 'rate', about: 'Maximum number of jobs per second.' },
      { fallback: 100, min: 1, max: 100_000 },
    ),
  },
  run: async (own, { queue, record }) => {
    const ids = await choose('redrive', own, queue)
    if (typeof ids === 'number') return ids
    const { redriven, skipped, left } = await record(
      { action: 'dead-letters.redrive', target: targetOf(queue, own, ids) },
      () => redrive(queue, ids, own.rate),
      (done) => `${done.redriven} redriven, ${done.skipped} skipped, ${done.left} left`,
    )
    writeResult(own.json, { queue: queue.name, redriven, skipped, left }, () =>
      [
        `${redriven} redriven`,
        `${skipped} skipped`,
        ...(left === 0 ? [] : [`${left} left, interrupted`]),
      ].join(', '),
    )
    return left > 0 || reportMissing('redrive', own, ids) ? EXIT.failure : EXIT.ok
  },
})

/** The program `titan dlq delete`. */
export const dlqDeleteProgram: Program<ActSettings, QueueServers> = queueProgram({
  name: 'titan dlq delete',
  description: 'Delete dead letters permanently: by ID, by filter, or --all.',
  settings: actSettings,
  run: async (own, { queue, record }) => {
    const ids = await choose('delete', own, queue)
    if (typeof ids === 'number') return ids
    const deleted = await record(
      { action: 'dead-letters.delete', target: targetOf(queue, own, ids) },
      () => queue.deleteDeadLetters(ids),
      (count) => `${count} deleted`,
    )
    writeResult(own.json, { queue: queue.name, deleted }, () => `${deleted} deleted`)
    return reportMissing('delete', own, ids) ? EXIT.failure : EXIT.ok
  },
})

/** The dead letters of an act in a few words: those that were named, or how many a filter found. */
function targetOf({ name }: Queue<AnyJobs>, own: ActSettings, ids: readonly string[]): string {
  return `${name} ${own.ids === '' ? `(${own.all ? 'all' : 'by filter'}: ${ids.length})` : own.ids}`
}

/** Returns the dead letters to change, or the exit code of a command that may not. */
async function choose(verb: string, own: ActSettings, queue: Queue<AnyJobs>): Promise<string[] | number> {
  const complain = (text: string): number => {
    process.stderr.write(`titan dlq ${verb}: ${text}\n`)
    return EXIT.usage
  }
  if (own.all && isNarrow(own)) return complain('--all cannot be combined with ids or filters')
  if (!own.all && !isNarrow(own)) return complain('no dead letters chosen: give ids, a filter or --all')
  const ids: string[] = []
  for await (const { letterId } of findDeadLetters(queue, own)) ids.push(letterId)
  // Named dead letters need no confirmation.
  if (own.ids !== '' || own.yes || ids.length === 0) return ids
  const letters = ids.length === 1 ? 'dead letter' : 'dead letters'
  const answer = await confirm(`${verb} ${ids.length} ${letters} of queue ${queue.name}?`)
  if (answer === undefined)
    return complain(`${ids.length} ${letters}: without a terminal, confirm with --yes`)
  return answer ? ids : complain('nothing was changed')
}

/** Reports each dead letter that was named by its id and does not exist. Returns whether there are any. */
function reportMissing(verb: string, own: ActSettings, found: readonly string[]): boolean {
  const missing = own.ids.split(',').filter((id) => id !== '' && !found.includes(id))
  for (const id of missing) process.stderr.write(`titan dlq ${verb}: no such dead letter: ${id}\n`)
  return missing.length > 0
}

/** What a redrive came to; `left` were not reached before it was interrupted. */
interface Outcome {
  readonly redriven: number
  readonly skipped: number
  readonly left: number
}

/** Redrives a step at a time, so that people see how far it is. */
function redrive(queue: Queue<AnyJobs>, ids: readonly string[], ratePerSecond: number): Promise<Outcome> {
  const progress = startProgress('dead letters', ids.length)
  const step = Math.min(500, Math.max(1, ratePerSecond))
  return untilInterrupted(async (signal) => {
    let [redriven, skipped] = [0, 0]
    try {
      for (let from = 0; from < ids.length && !signal.aborted; from += step) {
        const letterIds = ids.slice(from, from + step)
        const done = await queue.redrive({ letterIds, ratePerSecond, signal })
        redriven += done.redriven
        // A dead letter that is gone was taken by another operator.
        skipped += signal.aborted ? done.skipped : letterIds.length - done.redriven
        progress.update(redriven + skipped)
      }
    } finally {
      progress.stop()
    }
    return { redriven, skipped, left: ids.length - redriven - skipped }
  })
}
