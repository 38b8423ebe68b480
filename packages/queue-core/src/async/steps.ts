import { channel } from 'node:diagnostics_channel'

/** Publishes that `idsOf()` have passed a step, in the middle of it. Without a subscriber `idsOf` is not called. */
export type PassStep = (step: string, idsOf: () => readonly string[]) => void

/** Creates the steps that are published on the diagnostics channel of this name: for tracing, and for tests that end the process at a step. */
export function createSteps(name: string): {
  readonly isWatched: () => boolean
  readonly passStep: PassStep
} {
  const steps = channel(name)
  return {
    isWatched: () => steps.hasSubscribers,
    passStep(step, idsOf) {
      if (steps.hasSubscribers) steps.publish({ step, ids: idsOf() })
    },
  }
}

const queueSteps = createSteps('titan-queue:step')
export const isWatched: () => boolean = queueSteps.isWatched
export const passStep: PassStep = queueSteps.passStep
