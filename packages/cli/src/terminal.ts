import { createInterface } from 'node:readline/promises'
import { Presets, SingleBar } from 'cli-progress'

/**
 * Asks on the terminal for a confirmation.
 *
 * @returns undefined without a terminal
 */
export async function confirm(question: string): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  const dialog = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await dialog.question(`${question} [y/N] `)).trim())
  } finally {
    dialog.close()
  }
}

/** Runs work whose signal aborts at the first SIGINT or SIGTERM; a second one ends the process as usual. */
export async function untilInterrupted<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
  const interrupted = new AbortController()
  const stop = (): void => interrupted.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    return await work(interrupted.signal)
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

/** Shows how far work has come; `total` when it became known, or has changed. */
export type OnProgress = (done: number, total?: number) => void

/**
 * Runs work with a bar on standard error, only when that is a terminal.
 *
 * @param unit what is counted, such as `payments`
 */
export async function withProgress<Value>(
  unit: string,
  total: number,
  work: (onProgress: OnProgress) => Promise<Value>,
): Promise<Value> {
  if (!process.stderr.isTTY) return work(() => undefined)
  const bar = new SingleBar(
    {
      stream: process.stderr,
      clearOnComplete: true,
      // A signal ends the command as without a bar; so nothing may be left to be put right.
      gracefulExit: false,
      hideCursor: false,
      linewrap: true,
      format: `{bar} {value} of {total} ${unit}, {duration_formatted}`,
    },
    Presets.shades_classic,
  )
  bar.start(total, 0)
  try {
    return await work((done, newTotal) => {
      if (newTotal !== undefined) bar.setTotal(newTotal)
      bar.update(done)
    })
  } finally {
    bar.stop()
  }
}
