import { Mismatch, NotChecked } from '../outcome.ts'
import { runProcess, type ProcessRun } from '../process-run.ts'
import type { Row } from '../row.ts'
import { ONE_KEY, type Suite, type Trial } from '../trial.ts'

/** One process answers for all rows. */
const runs = new WeakMap<Suite, Promise<ProcessRun>>()

function processOf({ suite }: Trial): Promise<ProcessRun> {
  const run = runs.get(suite) ?? runProcess(suite)
  runs.set(suite, run)
  return run
}

/** What an adapter does in a fresh process. */
export const PROCESS_ROWS: readonly Row[] = [
  {
    behaviour: 'process: import of the module',
    expected: 'no connection',
    advice: 'Connect when a charge needs it: programs that only look up attempts load the adapter, too.',
    async run(trial) {
      const { connectionsAtImport } = await processOf(trial)
      if (connectionsAtImport > 0) throw new Mismatch(`${connectionsAtImport} connections`)
      return 'no connection'
    },
  },
  {
    behaviour: 'process: a charge, repeated after a restart',
    expected: 'the same key and body',
    advice: `${ONE_KEY} Keep nothing in memory that a request depends on.`,
    async run(trial) {
      const { differences } = await processOf(trial)
      if (differences === undefined) throw new NotChecked('the adapter needs no network')
      if (differences.length > 0) throw new Mismatch(`another process differs in ${differences.join(', ')}`)
      return 'identical requests'
    },
  },
  {
    behaviour: 'process: output of a charge and of a failure',
    expected: 'no secret',
    advice:
      'Write nothing: programs log outcomes. Never print requests, headers or errors of an HTTP client.',
    async run(trial) {
      const { output } = await processOf(trial)
      trial.requireNoSecret(output, 'the output of the process')
      return output === '' ? 'no output' : 'no secret'
    },
  },
  {
    behaviour: 'process: close, twice',
    expected: 'the process ends',
    advice: 'End connections and timers in close(), which may be called twice.',
    async run(trial) {
      const { hasEnded } = await processOf(trial)
      if (!hasEnded) throw new Mismatch('the process continues')
      return 'the process ends'
    },
  },
]
