// The subpath `@titan/queue-core/async`: what every package needs of time and turns. It knows nothing of queues.

export { createBatcher, type Batcher } from './batcher.ts'
export { settlesWithin, withDeadline } from './deadline.ts'
export { pause, startLoop, startPolling, type Loop } from './loop.ts'
export { createSteps, type PassStep } from './steps.ts'
