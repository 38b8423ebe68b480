import type { Queue } from '@titan/queue-core'
import { Failure, toggle, wholeNumber, type SettingsOf } from '@titan/service'
import { confirm, untilInterrupted, withProgress } from '../terminal.ts'
import { filterSettings, findDeadLetters, isNarrow } from './dead-letter-filter.ts'
import { queueCommand, type AnyJobs } from './queue.ts'

const actSettings = {
  ...filterSettings,
  all: toggle({ flag: 'all', about: 'All dead letters of the queue.' }, false),
  yes: toggle({ flag: 'yes', about: 'Skip the confirmation.' }, false),
}

type ActSettings = SettingsOf<typeof actSettings>

/** `titan dlq redrive`. */
export const dlqRedrive = queueCommand({
  name: 'titan dlq redrive',
  description: 'Redrive dead letters with fresh counts: by ID, by filter, or --all.',
  settings: {
    ...actSettings,
    rate: wholeNumber(
      { flag: 'rate', about: 'Maximum number of jobs per second.' },
      { fallback: 100, min: 1, max: 100_000 },
    ),
  },
  async run({ rate, ...own }, { queue, record, print, complain }) {
    const ids = await choose('redrive', own, queue)
    const { redriven, skipped, left } = await record(
      'dead-letters.redrive',
      describeTarget(queue, own, ids),
      () => redrive(queue, ids, rate),
      (done) => `${done.redriven} redriven, ${done.skipped} skipped, ${done.left} left`,
    )
    const rest = left === 0 ? '' : `, ${left} left, interrupted`
    print(
      { queue: queue.name, redriven, skipped, left },
      () => `${redriven} redriven, ${skipped} skipped${rest}`,
    )
    return reportMissing(own, ids, complain) && left === 0
  },
})

/** `titan dlq delete`. */
export const dlqDelete = queueCommand({
  name: 'titan dlq delete',
  description: 'Delete dead letters permanently: by ID, by filter, or --all.',
  settings: actSettings,
  async run(own, { queue, record, print, complain }) {
    const ids = await choose('delete', own, queue)
    const deleted = await record(
      'dead-letters.delete',
      describeTarget(queue, own, ids),
      () => queue.deleteDeadLetters(ids),
      (count) => `${count} deleted`,
    )
    print({ queue: queue.name, deleted }, () => `${deleted} deleted`)
    return reportMissing(own, ids, complain)
  },
})

/** Chooses the dead letters to change. @throws Failure when that is not allowed */
async function choose(verb: string, own: ActSettings, queue: Queue<AnyJobs>): Promise<string[]> {
  if (own.all && isNarrow(own)) throw new Failure('--all cannot be combined with ids or filters')
  if (!own.all && !isNarrow(own)) throw new Failure('no dead letters chosen: give ids, a filter or --all')
  const ids: string[] = []
  for await (const { letterId } of findDeadLetters(queue, own)) ids.push(letterId)
  // Named dead letters need no confirmation.
  if (own.ids !== undefined || own.yes || ids.length === 0) return ids
  const letters = ids.length === 1 ? 'dead letter' : 'dead letters'
  const isConfirmed = await confirm(`${verb} ${ids.length} ${letters} of queue ${queue.name}?`)
  if (isConfirmed === true) return ids
  throw new Failure(
    isConfirmed === false
      ? 'nothing was changed'
      : `${ids.length} ${letters}: without a terminal, confirm with --yes`,
  )
}

/** Describes in a few words what an act is about: dead letters by name, or how many a filter found. */
function describeTarget(
  { name }: Queue<AnyJobs>,
  { ids, all }: ActSettings,
  found: readonly string[],
): string {
  return `${name} ${ids ?? `(${all ? 'all' : 'by filter'}: ${found.length})`}`
}

/** Reports each dead letter that was named by its id and does not exist. Returns whether there are none. */
function reportMissing(
  own: ActSettings,
  found: readonly string[],
  complain: (text: string) => void,
): boolean {
  const missing = own.ids?.split(',').filter((id) => !found.includes(id)) ?? []
  for (const id of missing) complain(`no such dead letter: ${id}`)
  return missing.length === 0
}

/** Redrives a step at a time, so that people see how far it is; `left` were not reached before it was interrupted. */
function redrive(queue: Queue<AnyJobs>, ids: readonly string[], ratePerSecond: number) {
  const step = Math.min(500, Math.max(1, ratePerSecond))
  return untilInterrupted((signal) =>
    withProgress('dead letters', ids.length, async (onProgress) => {
      let [redriven, skipped] = [0, 0]
      for (let from = 0; from < ids.length && !signal.aborted; from += step) {
        const letterIds = ids.slice(from, from + step)
        const done = await queue.redrive({ letterIds, ratePerSecond, signal })
        redriven += done.redriven
        // A dead letter that is gone was taken by another operator.
        skipped += signal.aborted ? done.skipped : letterIds.length - done.redriven
        onProgress(redriven + skipped)
      }
      return { redriven, skipped, left: ids.length - redriven - skipped }
    }),
  )
}
