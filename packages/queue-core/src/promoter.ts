import * as broker from './broker.ts'
import type { Lane } from './lane.ts'
import { startLoop, type Loop } from './loop.ts'
import { fireDueSlots } from './schedules.ts'
import { passStep } from './steps.ts'

/** Signals can be lost with a connection; so far a job can be late then. */
const IDLE_MS = 1_000
const BATCH = 500

/** Moves delayed jobs to where they are ready when they are due, and fires recurring jobs, by the server's clock. */
export function startPromoter(lane: Lane): Loop {
  const { part, emit } = lane

  async function runOnce(): Promise<number> {
    const { moved, nextDueAt, now, paused } = await broker.promote(part.connection, part.fixed, BATCH)
    if (moved > 0) passStep('queue.promoted', () => [])
    lane.setPaused(paused)
    if (moved === BATCH) return 0
    const untilSlot = part.index === 0 ? await fireDueSlots(part, now) : undefined
    const untilDue = nextDueAt === undefined ? IDLE_MS : Math.max(0, nextDueAt - now)
    return Math.min(IDLE_MS, untilDue, untilSlot ?? IDLE_MS)
  }

  return startLoop(runOnce, (error) => emit({ type: 'error', error, during: 'promote' }))
}
