import type { Schedule } from '@titan/queue-core'
import type { ImportOptions } from './import.ts'
import { slotJobId } from './mapping.ts'
import { mapSchedule, nextJobIds, type BullSchedule, type MappedSchedule } from './recurrence.ts'
import type { Tally } from './report.ts'

/** What the source keeps of a repeating job in transit, as JSON. */
interface Definition {
  readonly schedule: Schedule
  /** Its next slot, epoch milliseconds. */
  readonly nextAt: number
}

/**
 * Moves the repeating jobs. Each one is taken with its next job in one step, and then scheduled; the next slot is the
 * target's. Returns what becomes of each.
 */
export async function moveSchedules(
  options: ImportOptions,
  tally: Tally,
): Promise<ReadonlyMap<string, 'moves' | 'stays'>> {
  const { from, dryRun, signal } = options
  if (!dryRun) await settleSchedules(options, tally)
  const now = await from.now()
  const fates = new Map<string, 'moves' | 'stays'>()
  for (const source of await from.schedules()) {
    if (signal.aborted) {
      fates.set(source.key, 'stays')
      continue
    }
    const { mapped, nextId } = await look(options, source, now)
    const reason = 'stays' in mapped ? mapped.stays : undefined
    if ('schedule' in mapped) {
      const definition: Definition = { schedule: mapped.schedule, nextAt: source.nextAt }
      const isTaken =
        dryRun || (await from.parkSchedule(source.key, source.nextAt, nextId, JSON.stringify(definition)))
      if (isTaken) {
        tally.changed(mapped.changes)
        if (dryRun) {
          tally.scheduled(mapped.schedule)
          fates.set(source.key, 'moves')
        }
        continue
      }
    }
    fates.set(source.key, 'stays')
    tally.stays('repeating', reason ?? 'changed', source.key)
  }
  if (!dryRun) await settleSchedules(options, tally)
  return fates
}

async function look(
  { from, maxPayloadBytes, timeZone, ...mapping }: ImportOptions,
  source: BullSchedule,
  now: number,
): Promise<{ readonly mapped: MappedSchedule; readonly nextId: string }> {
  const ids = nextJobIds(source)
  const jobs = await from.read(ids, maxPayloadBytes)
  const at = jobs.findIndex((job) => job !== undefined)
  const mapped = mapSchedule(source, jobs[at], { ...mapping, maxPayloadBytes }, { timeZone, now })
  return { mapped, nextId: ids[Math.max(at, 0)] ?? '' }
}

/** Schedules what is in transit. A schedule that the target has already is left as it is. */
async function settleSchedules({ from, queue, clock }: ImportOptions, tally: Tally): Promise<void> {
  for (const { key, waits, definition } of await from.schedulesInTransit()) {
    const { schedule, nextAt } = JSON.parse(definition) as Definition
    const { cron, timeZone, name, data, options } = schedule
    const find = async () => (await queue.schedules()).find((known) => known.key === key)
    if ((await find()) === undefined) await queue.schedule(key, { cron, timeZone }, name, data, options)
    const known = await find()
    const slot = Math.floor(nextAt / 1_000) * 1_000
    // BullMQ had not started the slot, and the schedule came after it: it is run here. If the schedule fired it, the id is known.
    if (waits && (known?.nextAt ?? 0) > slot && slot <= (await clock()))
      await queue.enqueue(name, data, { ...options, id: slotJobId(key, nextAt) })
    await from.dropSchedule(key)
    tally.scheduled(known ?? schedule)
  }
}
