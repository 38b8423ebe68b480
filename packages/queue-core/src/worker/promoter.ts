import * as broker from '../redis/commands.ts'
import type { Lane } from './lease-table.ts'
import { startLoop, type Loop } from '../async/loop.ts'
import { fireDueSlots } from '../producer/recurring.ts'
import { passStep } from '../async/steps.ts'

/** Signals can be lost with a connection; so far a job can be late then. */
const IDLE_MS = 1_000
const BATCH = 500

/** Makes due jobs ready and fires recurring ones, by the server's clock; answers the milliseconds until it is due again. */
export async function promoteDue(lane: Lane): Promise<number> {
  const { part, emit, pausing } = lane
  const { connection, fixed } = part
  const askedAt = performance.now()
  const done = await broker.promote(connection, fixed, BATCH)
  const { moved, nextDueAt = Infinity, nextSlotAt = Infinity, now } = done
  if (moved > 0) passStep('queue.promoted', () => [])
  pausing.answer(done.paused, askedAt)
  for (const id of done.buried)
    emit({
      type: 'deadLettered',
      job: { id, name: '', attempt: 1, entryId: '0-0', deliveryCount: 0 },
      cause: 'undecodable',
      error: new Error('What was stored of the delayed job cannot be read'),
    })
  const untilSlot = nextSlotAt <= now ? await fireSlots(lane, now) : nextSlotAt - now
  if (done.failure !== '') emit({ type: 'error', error: new Error(done.failure), during: 'promote' })
  // Those that cannot be moved are met again each time; as long as others are moved, that is no reason to wait.
  if (moved === BATCH && done.failed < moved) return 0
  return Math.min(IDLE_MS, Math.max(0, nextDueAt - now), untilSlot ?? IDLE_MS)
}

/** Fires the slots that are due. What keeps them from firing, such as full memory, must not keep delayed jobs waiting. */
async function fireSlots({ part, emit }: Lane, now: number): Promise<number | undefined> {
  try {
    return await fireDueSlots(part, now, emit)
  } catch (error) {
    emit({ type: 'error', error, during: 'schedule' })
    return IDLE_MS
  }
}

/** Moves delayed jobs to where they are ready when they are due, and fires recurring jobs. */
export function startPromoter(lane: Lane): Loop {
  return startLoop(
    () => promoteDue(lane),
    (error) => lane.emit({ type: 'error', error, during: 'promote' }),
  )
}
