// A program that runs until a signal stops it, and says on standard output that it is ready.
import { createLog, defineProgram, runProgram, runUntilStopped } from '../../src/index.ts'

const log = createLog('example', { logLevel: 'info', logFormat: 'json' })
const keepAlive = setInterval(() => undefined, 1_000)

const program = defineProgram({
  name: 'example',
  version: '1.0.0',
  description: 'An example.',
  settings: {},
  groups: {},
  run: () =>
    runUntilStopped({
      log,
      start: () => Promise.resolve('running'),
      announce: () => process.stdout.write('ready\n'),
      stop: () => Promise.resolve(clearInterval(keepAlive)),
    }),
})

process.exitCode = await runProgram(program)
