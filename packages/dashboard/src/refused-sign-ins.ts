/** Sums refused sign-ins, so that an attacker decides neither how long the log is nor the audit record. */
export interface RefusedSignIns {
  /** Counts one; `network` is where it came from. */
  count(network: string): void
  /** Reports what was counted and stops. Idempotent. */
  stop(): Promise<void>
}

/** Refused sign-ins since the last report; `network` is that of the latest. */
export interface RefusedReport {
  readonly count: number
  readonly network: string
}

/** Creates the counter. It reports the first refusal at once, and those that follow together every `windowMs`. */
export function countRefusedSignIns(
  report: (refused: RefusedReport) => Promise<void>,
  windowMs: number = 60_000,
): RefusedSignIns {
  let count = 0
  let network = ''
  let timer: NodeJS.Timeout | undefined
  let writing = Promise.resolve()

  function flush(): void {
    timer = undefined
    if (count === 0) return
    const refused = { count, network }
    count = 0
    timer = setTimeout(flush, windowMs).unref()
    writing = writing.then(() => report(refused))
  }

  return {
    count(from) {
      count += 1
      network = from
      if (timer === undefined) flush()
    },
    async stop() {
      clearTimeout(timer)
      flush()
      clearTimeout(timer)
      await writing
    },
  }
}
