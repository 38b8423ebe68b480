import { channel } from 'node:diagnostics_channel'

const steps = channel('titan-queue:step')

/** Whether anybody hears of steps. */
export function isWatched(): boolean {
  return steps.hasSubscribers
}

/**
 * Tells the subscribers of the diagnostics channel `titan-queue:step` that jobs have passed a step, in the middle of it:
 * for tracing, and for tests that end the process just there. Without a subscriber nothing is done.
 */
export function passStep(step: string, idsOf: () => readonly string[]): void {
  if (steps.hasSubscribers) steps.publish({ step, ids: idsOf() })
}
