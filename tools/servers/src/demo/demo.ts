import { randomBytes } from 'node:crypto'
import { relative } from 'node:path'
import { createOverview, type OutputStream } from './overview.ts'
import { createPaymentClient } from './client.ts'
import { createClosers } from './closers.ts'
import { followPayments, isSettled, type TrackedPayment } from './follow.ts'
import { readInputFile } from './input-file.ts'
import { printable } from './printable.ts'
import { createSamples, type SampleFile } from './samples.ts'
import { listenForStop } from './stop-signals.ts'
import { startSystem, type System } from './system.ts'

/** What `start` does. */
export interface DemoOptions {
  /** A CSV file with payments; without one, built-in samples are sent. */
  readonly input?: string
  readonly port?: number
  readonly workerCount: number
  /** Exits after the payments instead of serving. */
  readonly isOnce: boolean
  readonly stateFolder: string
  readonly env: NodeJS.ProcessEnv
  readonly stream: OutputStream
}

/** The exit code of a run that was stopped before all of its payments had ended. */
const INTERRUPTED = 130

/**
 * Runs everything until Ctrl-C, or until the payments have ended. Returns the exit code: 0; 1 when a row of the input was
 * refused or a payment did not end; 130 when it was stopped before that was known.
 *
 * @throws LocalError when something cannot be started or kept running
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { stream } = options
  const print = (line = ''): void => void stream.write(`${line}\n`)
  const file = await loadSamples(options.input)
  const closers = createClosers()
  // The watchdogs stop what is left when this process does not wait.
  const stopSignals = listenForStop(() => process.exit(130))
  closers.add(() => stopSignals.release())
  const failure = new AbortController()
  const signal = AbortSignal.any([stopSignals.signal, failure.signal])
  let report = (line: string): void => print(`  ${line}`)
  const payments = createTracks(file.samples)
  let isSending = false
  let isDecided = false
  try {
    print('Titan Queue')
    const system = await startSystem({ ...options, closers, signal, print: (line) => report(line) })
    printHeading(file, options.input, print)
    const overview = createOverview(payments, stream)
    report = (line) => overview.note(`  ${line}`)
    isSending = true
    const following = followPayments(payments, createPaymentClient(system.url, signal), {
      signal,
      onChange: (payment) => overview.update(payment),
    })
    await Promise.race([following, system.failed])
    isDecided = true
    print(`\n${summarise(payments, file.problems.length)}`)
    if (options.isOnce) return isFine(payments) && file.problems.length === 0 ? 0 : 1
    report = (line) => print(`  ${line}`)
    printInvitation(system, print)
    await Promise.race([stopSignals.requested, system.failed])
    return 0
  } catch (error) {
    if (isSending && !isDecided) print(`\nStopped early: ${summarise(payments, file.problems.length)}`)
    // An error caused by the stop is no failure.
    if (!stopSignals.signal.aborted) throw error
    return isDecided ? 0 : INTERRUPTED
  } finally {
    if (stopSignals.signal.aborted) print('\nStopping. Press Ctrl-C again to stop immediately.')
    failure.abort()
    await closers.closeAll()
  }
}

async function loadSamples(input: string | undefined): Promise<SampleFile> {
  if (input !== undefined) return await readInputFile(input)
  return { samples: createSamples(randomBytes(3).toString('hex')), problems: [] }
}

function createTracks(samples: SampleFile['samples']): TrackedPayment[] {
  return samples.map((sample) => ({ sample, trail: [], isReplay: false, durationMs: 0 }))
}

function printHeading(
  { samples, problems }: SampleFile,
  input: string | undefined,
  print: (line: string) => void,
): void {
  if (input === undefined) print(`\n${samples.length} sample payments`)
  else {
    const read = samples.length + problems.length
    const refused = problems.length === 0 ? '' : ` (${read} rows read, ${problems.length} refused)`
    print(`\n${samples.length} payments from ${printable(input)}${refused}`)
  }
  for (const problem of problems) print(`  ${printable(problem)}`)
}

/** Whether every payment was accepted and has ended. */
function isFine(payments: readonly TrackedPayment[]): boolean {
  return payments.every((payment) => isSettled(payment) && payment.refusal === undefined)
}

function summarise(payments: readonly TrackedPayment[], badRowCount: number): string {
  const count = (test: (payment: TrackedPayment) => boolean): number => payments.filter(test).length
  const parts = [
    [count(({ trail }) => trail.at(-1) === 'SUCCESS'), 'SUCCESS'],
    [count(({ trail }) => trail.at(-1) === 'FAILED'), 'FAILED'],
    [count((payment) => !isSettled(payment) && payment.paymentId !== undefined), 'still in progress'],
    [count((payment) => !isSettled(payment) && payment.paymentId === undefined), 'without a response'],
    [count(({ refusal }) => refusal !== undefined), 'rejected'],
    [badRowCount, badRowCount === 1 ? 'bad row' : 'bad rows'],
  ] as const
  const replays = count(({ isReplay }) => isReplay)
  const shown = parts.filter(([number]) => number > 0).map(([number, title]) => `${number} ${title}`)
  if (shown.length === 0) return 'No payments'
  const note =
    replays === 0
      ? ''
      : `; ${replays} ${replays === 1 ? 'was a replay' : 'were replays'}: a key is never charged twice`
  return `${shown.join(', ')}${note}`
}

function printInvitation({ url, environmentFile }: System, print: (line?: string) => void): void {
  const key = `try-${randomBytes(3).toString('hex')}`
  print(`\nServing on ${url} until you press Ctrl-C. Try:`)
  print(
    `  curl -s ${url}/pay -H 'content-type: application/json' -d '{"amount":500,"idempotency_key":"${key}"}'`,
  )
  print(`  curl -s ${url}/payments/<payment_id>`)
  print(`  . ${shellWord(relative(process.cwd(), environmentFile))}; npx --yes pnpm@12 exec titan stats`)
}

/** A path as a shell reads it. */
function shellWord(path: string): string {
  return /^[\w./-]+$/u.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}
