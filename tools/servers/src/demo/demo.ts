import { randomBytes } from 'node:crypto'
import { relative } from 'node:path'
import { PaymentClient } from './client.ts'
import { followPayments, isSettled, type TrackedPayment } from './follow.ts'
import { readInputFile } from './input-file.ts'
import { createOverview, printable, type OutputStream } from './overview.ts'
import { createSamples, type SampleFile } from './samples.ts'
import { listenForStop } from './stop-signals.ts'
import { startSystem, type System } from './system.ts'

/** What `start` does. */
export interface DemoOptions {
  /** A CSV file with payments; without one, built-in samples are sent. */
  readonly input: string | undefined
  readonly port: number | undefined
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
  const { input, stream } = options
  const print = (line: string): void => void stream.write(`${line}\n`)
  const file = input === undefined ? builtInSamples() : await readInputFile(input)
  const badRowCount = file.problems.length
  const closers = new AsyncDisposableStack()
  // The watchdogs stop what is left when this process does not wait.
  const stopSignals = listenForStop(() => process.exit(INTERRUPTED))
  closers.defer(() => stopSignals.release())
  const failure = new AbortController()
  const signal = AbortSignal.any([stopSignals.signal, failure.signal])
  let report = (line: string) => print(`  ${line}`)
  const payments: TrackedPayment[] = file.samples.map((sample) => ({
    sample,
    trail: [],
    isReplay: false,
    durationMs: 0,
  }))
  let isSending = false
  let isDecided = false
  try {
    print('Titan Queue')
    const system = await startSystem({ ...options, closers, signal, print: (line) => report(line) })
    printHeading(file, input, print)
    const overview = createOverview(payments, stream)
    report = (line) => overview.note(`  ${line}`)
    isSending = true
    const client = new PaymentClient(system.url, signal)
    const following = followPayments(payments, client, signal, (payment) => overview.update(payment))
    await Promise.race([following, system.failed])
    isDecided = true
    print(`\n${summarise(payments, badRowCount)}`)
    const isFine = payments.every((payment) => isSettled(payment) && payment.refusal === undefined)
    if (options.isOnce) return isFine && badRowCount === 0 ? 0 : 1
    report = (line) => print(`  ${line}`)
    printInvitation(system, print)
    await Promise.race([stopSignals.requested, system.failed])
    return 0
  } catch (error) {
    if (isSending && !isDecided) print(`\nStopped early: ${summarise(payments, badRowCount)}`)
    // An error caused by the stop is no failure.
    if (!stopSignals.signal.aborted) throw error
    return isDecided ? 0 : INTERRUPTED
  } finally {
    if (stopSignals.signal.aborted) print('\nStopping. Press Ctrl-C again to stop immediately.')
    failure.abort()
    await closers.disposeAsync()
  }
}

function builtInSamples(): SampleFile {
  return { samples: createSamples(randomBytes(3).toString('hex')), problems: [] }
}

function printHeading(
  { samples, problems }: SampleFile,
  input: string | undefined,
  print: (line: string) => void,
) {
  const read = samples.length + problems.length
  const refused = problems.length === 0 ? '' : ` (${read} rows read, ${problems.length} refused)`
  const from = input === undefined ? 'sample payments' : `payments from ${printable(input)}${refused}`
  print(`\n${samples.length} ${from}`)
  for (const problem of problems) print(`  ${printable(problem)}`)
}

function summarise(payments: readonly TrackedPayment[], badRowCount: number) {
  const count = (test: (payment: TrackedPayment) => boolean) => payments.filter(test).length
  const parts = [
    [count(({ trail }) => trail.at(-1) === 'SUCCESS'), 'SUCCESS'],
    [count(({ trail }) => trail.at(-1) === 'FAILED'), 'FAILED'],
    [count((payment) => !isSettled(payment) && payment.paymentId !== undefined), 'still in progress'],
    [count((payment) => !isSettled(payment) && payment.paymentId === undefined), 'without a response'],
    [count(({ refusal }) => refusal !== undefined), 'rejected'],
    [badRowCount, badRowCount === 1 ? 'bad row' : 'bad rows'],
  ] as const
  const shown = parts.filter(([number]) => number > 0).map(([number, title]) => `${number} ${title}`)
  if (shown.length === 0) return 'No payments'
  const replays = count(({ isReplay }) => isReplay)
  if (replays === 0) return shown.join(', ')
  const were = replays === 1 ? 'was a replay' : 'were replays'
  return `${shown.join(', ')}; ${replays} ${were}: a key is never charged twice`
}

function printInvitation({ url, environmentFile }: System, print: (line: string) => void) {
  const key = `try-${randomBytes(3).toString('hex')}`
  const path = relative(process.cwd(), environmentFile)
  const body = `{"amount":500,"idempotency_key":"${key}"}`
  print(`\nServing on ${url} until you press Ctrl-C. Try:`)
  print(`  curl -s ${url}/pay -H 'content-type: application/json' -d '${body}'`)
  print(`  curl -s ${url}/payments/<payment_id>`)
  print(`  . ${shellWord(path)}; npx --yes pnpm@12 exec titan stats`)
}

/** Quotes a path for a shell. */
function shellWord(path: string) {
  return /^[\w./-]+$/u.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}
