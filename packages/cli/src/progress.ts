import { Presets, SingleBar } from 'cli-progress'

/** Shows people the progress of long work. */
export interface Progress {
  /** @param total when it became known, or has changed */
  update(done: number, total?: number): void
  /** Removes the bar. Idempotent. */
  stop(): void
}

/**
 * A bar on standard error, only when that is a terminal.
 *
 * @param unit what is counted, such as `payments`
 */
export function startProgress(unit: string, total: number = 0): Progress {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined }
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
  return {
    update(done, newTotal) {
      if (newTotal !== undefined) bar.setTotal(newTotal)
      bar.update(done)
    },
    stop: () => bar.stop(),
  }
}
