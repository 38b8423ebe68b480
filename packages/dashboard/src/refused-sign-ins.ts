/** Refused sign-ins since the last report; `network` is that of the latest. */
export interface RefusedReport {
  readonly count: number
  readonly network: string
}

/** Time between two reports, in milliseconds. */
const WINDOW_MS = 60_000

/**
 * Sums refused sign-ins, so that an attacker does not decide the length of the log and the audit record. Reports the first
 * refusal at once, and those that follow together every minute.
 */
export class RefusedSignIns {
  readonly #report: (refused: RefusedReport) => Promise<void>
  #count = 0
  #network = ''
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(report: (refused: RefusedReport) => Promise<void>) {
    this.#report = report
  }

  /** Counts one; `network` is where it came from. */
  count(network: string): void {
    this.#count += 1
    this.#network = network
    if (this.#timer === undefined) this.#flush()
  }

  /** Reports what was counted and stops. Idempotent. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#flush()
    clearTimeout(this.#timer)
    await this.#writing
  }

  #flush(): void {
    this.#timer = undefined
    if (this.#count === 0) return
    const refused = { count: this.#count, network: this.#network }
    this.#count = 0
    this.#timer = setTimeout(() => this.#flush(), WINDOW_MS).unref()
    this.#writing = this.#writing.then(() => this.#report(refused))
  }
}
