import { channel } from 'node:diagnostics_channel'

const steps = channel('titan-payments:step')

/**
 * Tells the subscribers of the diagnostics channel `titan-payments:step` that payments have passed a step, in the middle
 * of it: for tracing, and for tests that end the process just there. Payments that are being created go by their
 * idempotency keys. Without a subscriber nothing is done.
 */
export function passStep(step: string, idsOf: () => readonly string[]): void {
  if (steps.hasSubscribers) steps.publish({ step, ids: idsOf() })
}
