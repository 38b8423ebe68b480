import type { Scenario } from './scenario.ts'
import { backlog } from './scenarios/backlog.ts'
import { enqueue, enqueueMany, enqueueSerial } from './scenarios/enqueue.ts'
import { lateness, latency } from './scenarios/latency.ts'
import { memory } from './scenarios/memory.ts'
import { pay, settlement } from './scenarios/payments.ts'
import { paymentsCost } from './scenarios/payments-cost.ts'
import { peersEnqueue, peersWorker } from './scenarios/peers.ts'
import { persistence } from './scenarios/persistence.ts'
import { processes, workerMemory } from './scenarios/processes.ts'
import { deadLetters, delayed, retries, workerNoop, workerSerial, workerWaiting } from './scenarios/worker.ts'

/** All there is to measure, in the order of the tables. */
export const scenarios: readonly Scenario[] = [
  enqueueMany,
  enqueue,
  enqueueSerial,
  workerNoop,
  workerSerial,
  workerWaiting,
  latency,
  retries,
  delayed,
  lateness,
  deadLetters,
  memory,
  backlog,
  persistence,
  pay,
  settlement,
  paymentsCost,
  peersEnqueue,
  peersWorker,
  processes,
  workerMemory,
]
