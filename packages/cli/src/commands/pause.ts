import { EXIT, type Program } from '@titan/service'
import type { ServersConfig } from '../config.ts'
import { writeAnswer } from '../output.ts'
import { commonSettings, queueProgram, type QueueSettings } from './queue.ts'

/** The program `titan pause`. */
export const pauseProgram: Program<QueueSettings, ServersConfig> = queueProgram({
  name: 'titan pause',
  description:
    'Stops the workers of a queue from starting jobs; running jobs finish, and jobs can still be enqueued',
  settings: commonSettings,
  withRecord: true,
  run: async ({ json }, { queue, record }) => {
    await record(
      { action: 'queue.pause', target: queue.name },
      () => queue.pause(),
      () => 'paused',
    )
    writeAnswer(json, { queue: queue.name, paused: true }, () => `queue ${queue.name} is paused`)
    return EXIT.ok
  },
})

/** The program `titan resume`. */
export const resumeProgram: Program<QueueSettings, ServersConfig> = queueProgram({
  name: 'titan resume',
  description: 'Ends a pause',
  settings: commonSettings,
  withRecord: true,
  run: async ({ json }, { queue, record }) => {
    await record(
      { action: 'queue.resume', target: queue.name },
      () => queue.resume(),
      () => 'resumed',
    )
    writeAnswer(json, { queue: queue.name, paused: false }, () => `queue ${queue.name} is not paused`)
    return EXIT.ok
  },
})
