// The subpath `@titan/queue-core/async`: what every package needs of time and turns. It knows nothing of queues.

export { createBatcher, type Batcher, type BatcherOptions } from './batcher.ts'
export { settlesWithin, withDeadline } from './deadline.ts'
export { createFairTurns, type FairTurns } from './fair-turns.ts'
export {
  errorDelay,
  pause,
  startLoop,
  startPolling,
  type Loop,
  type LoopOptions,
  type PollingOptions,
} from './loop.ts'
export { createSteps, type PassStep, type Steps } from './steps.ts'
export { LONGEST_DELAY_MS, startTimer, type Timer } from './timer.ts'
