import { EXIT, type Program } from '@titan/service'
import { writeResult } from '../output.ts'
import { commonSettings, queueProgram, type QueueSettings, type QueueServers } from './queue.ts'

/** The program `titan pause`. */
export const pauseProgram: Program<QueueSettings, QueueServers> = queueProgram({
  name: 'titan pause',
  description:
    'Stop the workers of a queue from starting jobs. Running jobs finish, and jobs can still be enqueued.',
  settings: commonSettings,
  run: async ({ json }, { queue, record }) => {
    await record(
      { action: 'queue.pause', target: queue.name },
      () => queue.pause(),
      () => 'paused',
    )
    writeResult(json, { queue: queue.name, paused: true }, () => `queue ${queue.name} is paused`)
    return EXIT.ok
  },
})

/** The program `titan resume`. */
export const resumeProgram: Program<QueueSettings, QueueServers> = queueProgram({
  name: 'titan resume',
  description: 'Let the workers of a paused queue start jobs again.',
  settings: commonSettings,
  run: async ({ json }, { queue, record }) => {
    await record(
      { action: 'queue.resume', target: queue.name },
      () => queue.resume(),
      () => 'resumed',
    )
    writeResult(json, { queue: queue.name, paused: false }, () => `queue ${queue.name} is not paused`)
    return EXIT.ok
  },
})
