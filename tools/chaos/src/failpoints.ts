/**
 * Loaded into the programs under test with `node --import`. They publish the steps they pass on diagnostics channels;
 * this ends the process with SIGKILL in the middle of one, so that the programs themselves carry no switch for it.
 *
 * `CHAOS_KILL_AT`: steps, with commas between. Each ends the process once for every payment that passes it, and a step
 * that names no payments once; `step@n` only when the process passes it for the n-th time. `CHAOS_KILL_LOG`: the file that
 * says what was done already. `CHAOS_STEP_LOG`: a file that gets a line for each job that is released, taken, tried again
 * or buried. `CHAOS_POLICY`: members of the retry policy, as JSON, for tests that cannot wait for hours.
 */
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from '@titan/payments'
import { paymentOf, readKills, type Kill } from './kill-log.ts'
import { noteStep, type Step } from './step-log.ts'

const { CHAOS_KILL_AT: killAt = '', CHAOS_KILL_LOG: killLog = '', CHAOS_POLICY: policy = '{}' } = process.env
const stepLog = process.env['CHAOS_STEP_LOG']

// Read before the programs read it, so it holds for them.
Object.assign(DEFAULT_RETRY_POLICY, JSON.parse(policy) as Partial<RetryPolicy>)

// Nobody else would end a program whose test was killed.
process.once('disconnect', () => process.exit(1))
process.channel?.unref()

if (killAt !== '') arm(killAt.split(','), killLog)
if (stepLog !== undefined)
  subscribe('titan-queue:step', (message) => noteStep(stepLog, message as Omit<Step, 'at' | 'pid'>))

function arm(places: readonly string[], log: string): void {
  const nth = new Map(
    places.map((place) => {
      const [step = '', number] = place.split('@')
      return [step, number === undefined ? undefined : Number(number)]
    }),
  )
  const passed = new Map<string, number>()
  const done = readKills(log)

  function onStep(message: unknown): void {
    const { step, ids } = message as Kill
    if (!nth.has(step)) return
    passed.set(step, (passed.get(step) ?? 0) + 1)
    if (!isDue(step, ids.map(paymentOf))) return
    appendFileSync(log, `${JSON.stringify({ step, ids } satisfies Kill)}\n`)
    process.kill(process.pid, 'SIGKILL')
  }

  function isDue(step: string, payments: readonly string[]): boolean {
    const before = done.filter((kill) => kill.step === step)
    const number = nth.get(step)
    if (number !== undefined) return before.length === 0 && passed.get(step) === number
    if (payments.length === 0) return before.length === 0
    const killed = new Set(before.flatMap((kill) => kill.ids.map(paymentOf)))
    return payments.some((payment) => !killed.has(payment))
  }

  subscribe('titan-queue:step', onStep)
  subscribe('titan-payments:step', onStep)
}
