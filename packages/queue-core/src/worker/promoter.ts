import { promote } from '../redis/commands.ts'
import type { LeaseTable } from './lease-table.ts'
import { startLoop, type Loop } from '../async/loop.ts'
import { fireDueSlots } from '../producer/recurring.ts'
import { passStep } from '../async/steps.ts'

/** Longest wait between two looks: signals can be lost with a connection, and so late a job can be then. */
const IDLE_MS = 1_000
const BATCH = 500

/** Moves due jobs to where they are ready and fires recurring ones, by the server's clock. Returns the milliseconds until it is due again. */
export async function promoteDue({ part, emit, pauseState }: LeaseTable): Promise<number> {
  const sentAt = performance.now()
  const done = await promote(part, BATCH)
  const { moved, nextDueAt = Infinity, nextSlotAt = Infinity, now } = done
  if (moved > 0) passStep('queue.promoted', () => [])
  pauseState.observe(done.paused, sentAt)
  for (const id of done.buried)
    emit({
      type: 'deadLettered',
      job: { id, name: '', attempt: 1, entryId: '0-0', deliveryCount: 0 },
      cause: 'undecodable',
      error: new Error('What was stored of the delayed job cannot be read'),
    })
  const untilSlotMs = nextSlotAt <= now ? await fireSlots() : nextSlotAt - now
  if (done.failure !== '') emit({ type: 'error', error: new Error(done.failure), during: 'promote' })
  // Jobs that cannot be moved are met again each time; as long as others are moved, that is no reason to wait.
  if (moved === BATCH && done.failed < moved) return 0
  return Math.min(IDLE_MS, Math.max(0, nextDueAt - now), untilSlotMs)

  /** What keeps slots from firing, such as full memory, must not keep delayed jobs waiting. */
  async function fireSlots(): Promise<number> {
    try {
      return (await fireDueSlots(part, now, emit)) ?? IDLE_MS
    } catch (error) {
      emit({ type: 'error', error, during: 'schedule' })
      return IDLE_MS
    }
  }
}

/** Promotes delayed and recurring jobs when they are due. */
export function startPromoter(leases: LeaseTable): Loop {
  return startLoop(
    () => promoteDue(leases),
    (error) => leases.emit({ type: 'error', error, during: 'promote' }),
  )
}
