import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describeError, LocalError } from '../errors.ts'
import { createBoard, type BoardStream } from './board.ts'
import { createPaymentClient } from './client.ts'
import { createClosers } from './closers.ts'
import { followPayments, isSettled, type TrackedPayment } from './follow.ts'
import { createSamples, readSamples, type SampleFile } from './samples.ts'
import { listenForStop } from './stop-signals.ts'
import { startSystem } from './system.ts'

/** What `start` does. */
export interface DemoOptions {
  /** A CSV file with payments; without one, built-in samples are sent. */
  readonly input?: string
  readonly port?: number
  readonly workerCount: number
  /** Stop after the samples instead of going on to serve. */
  readonly isOnce: boolean
  readonly stateFolder: string
  readonly env: NodeJS.ProcessEnv
  readonly stream: BoardStream
}

/**
 * Runs everything until Ctrl-C, or until the samples ended. Answers the exit code: 0, or 1 when a row of the
 * input was bad or a payment did not come to an end.
 *
 * @throws LocalError when something cannot be started or kept running
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { stream } = options
  const print = (line = ''): void => void stream.write(`${line}\n`)
  const file = loadSamples(options.input)
  const closers = createClosers()
  // The guardians end what is left when this process does not wait for it.
  const stopSignals = listenForStop(() => process.exit(130))
  closers.add(() => stopSignals.release())
  try {
    print('Titan Queue')
    const { signal } = stopSignals
    const report = (line: string): void => print(`  ${line}`)
    const system = await startSystem({ ...options, closers, signal, print: report })
    const wasFine = await Promise.race([showSamples(system.url, file, options, signal), system.failed])
    if (options.isOnce) return wasFine ? 0 : 1
    printInvitation(system.url, print)
    await Promise.race([stopSignals.requested, system.failed])
    return 0
  } catch (error) {
    // What breaks because of a stop is no failure.
    if (stopSignals.signal.aborted) return 0
    throw error
  } finally {
    if (stopSignals.signal.aborted) print('\nStopping; Ctrl-C once more to stop at once')
    await closers.closeAll()
  }
}

function loadSamples(input: string | undefined): SampleFile {
  if (input === undefined) return { samples: createSamples(randomBytes(3).toString('hex')), problems: [] }
  let text: string
  try {
    text = readFileSync(input, 'utf8')
  } catch (cause) {
    throw new LocalError('INVALID_INPUT', `Cannot read ${input}: ${describeError(cause)}`, { cause })
  }
  try {
    return readSamples(text)
  } catch (cause) {
    throw new LocalError('INVALID_INPUT', `${input}: ${describeError(cause)}`, { cause })
  }
}

/** Sends the payments and shows them; answers whether every row was good and every payment ended. */
async function showSamples(
  url: string,
  { samples, problems }: SampleFile,
  { input, stream }: DemoOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const print = (line = ''): void => void stream.write(`${line}\n`)
  const payments = samples.map((sample): TrackedPayment => ({
    sample,
    trail: [],
    isReplay: false,
    durationMs: 0,
  }))
  print(`\n${payments.length} ${input === undefined ? 'sample payments' : `payments from ${input}`}`)
  for (const problem of problems) print(`  ${problem}`)
  const board = createBoard(payments, stream)
  await followPayments(payments, createPaymentClient(url, signal), {
    signal,
    onChange: (payment) => board.update(payment),
  })
  print(`\n${summarise(payments, problems.length)}`)
  return (
    problems.length === 0 && payments.every((payment) => isSettled(payment) && payment.refusal === undefined)
  )
}

function summarise(payments: readonly TrackedPayment[], badRowCount: number): string {
  const count = (test: (payment: TrackedPayment) => boolean): number => payments.filter(test).length
  const parts = [
    [count(({ trail }) => trail.at(-1) === 'SUCCESS'), 'SUCCESS'],
    [count(({ trail }) => trail.at(-1) === 'FAILED'), 'FAILED'],
    [count((payment) => !isSettled(payment)), 'not ended yet'],
    [count(({ refusal }) => refusal !== undefined), 'not accepted'],
    [badRowCount, 'bad rows'],
  ] as const
  const replays = count(({ isReplay }) => isReplay)
  const shown = parts.filter(([number]) => number > 0).map(([number, title]) => `${number} ${title}`)
  const note = replays === 0 ? '' : `; ${replays} of them were replays: the same key never charges twice`
  return `${shown.join(', ')}${note}`
}

function printInvitation(url: string, print: (line?: string) => void): void {
  const key = `try-${randomBytes(3).toString('hex')}`
  print(`\nServing on ${url} until you press Ctrl-C. Try:`)
  print(
    `  curl -s ${url}/pay -H 'content-type: application/json' -d '{"amount":500,"idempotency_key":"${key}"}'`,
  )
  print(`  curl -s ${url}/payments/<payment_id>`)
}
