import { setTimeout as pause } from 'node:timers/promises'
import type { ClientCounts } from './clients.ts'
import { PROGRAMS, type ProgramId } from './kinds.ts'
import { runTrial, type TrialOptions } from './trial.ts'

/** How to run an upgrade. */
export interface UpgradeOptions extends Omit<TrialOptions, 'previous'> {
  /** Checkout of the version that every program starts from. */
  readonly previous: string
  /** Called after each restart. */
  readonly onRestart?: (program: ProgramId, clients: Readonly<ClientCounts>) => void
}

/** The result of an upgrade. */
export type UpgradeReport = Awaited<ReturnType<typeof runUpgrade>>

/** Workers first, because new ones know all that old APIs accept; the way back is the other way round. */
const ORDER = PROGRAMS.toSorted().toReversed()

/**
 * Restarts the programs of another version one by one in this one while clients pay, refund, capture and void, then in the
 * other one again; judges what is left. The gateway gives every kind of answer, so payments are in every status throughout.
 */
export async function runUpgrade(options: UpgradeOptions) {
  const { previous, durationMs, onRestart } = options
  const steps = [
    ...ORDER.map((id) => ({ id, checkout: undefined })),
    ...ORDER.toReversed().map((id) => ({ id, checkout: previous })),
  ]
  const report = await runTrial(
    { moves: true, ...options, isUpgraded: true },
    {
      async disturb({ fleet, clients }) {
        for (const { id, checkout } of steps) {
          await pause(durationMs / (steps.length + 1))
          await fleet.move(id, checkout)
          onRestart?.(id, clients.counts)
        }
      },
    },
  )
  return { ...report, restarts: steps.length }
}
