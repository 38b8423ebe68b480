/** Ctrl-C and its kin, as one request to stop. */
export interface StopSignals {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal
  /** Resolves at the first signal, with its name. */
  readonly requested: Promise<NodeJS.Signals>
  /** Gives the signals back to their defaults. Idempotent. */
  release(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
// A package manager passes a Ctrl-C on that the terminal has delivered already; that is no second request.
const ECHO_MS = 500

/** Listens until the first signal, and calls `onSecond` at each further one. */
export function listenForStop(onSecond: () => void): StopSignals {
  const controller = new AbortController()
  const { promise: requested, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let firstAt: number | undefined
  const onSignal = (name: NodeJS.Signals): void => {
    if (firstAt === undefined) {
      firstAt = performance.now()
      controller.abort(new Error(`Stopped by ${name}`))
      resolve(name)
    } else if (performance.now() - firstAt > ECHO_MS) onSecond()
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return {
    signal: controller.signal,
    requested,
    release() {
      for (const name of SIGNALS) process.off(name, onSignal)
    },
  }
}
