import { watchLaunchers } from './launcher.ts'

/** Ctrl-C and its kin, as one request to stop. */
export interface StopSignals {
  /** Aborts at the first request. */
  readonly signal: AbortSignal
  /** Resolves at the first request. */
  readonly requested: Promise<void>
  /** Gives the signals back to their defaults. Idempotent. */
  release(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
// A package manager passes a Ctrl-C on that the terminal has delivered already; that is no second request.
const ECHO_MS = 500

/** Listens for signals and for the end of the package manager; calls `onSecond` at each signal after the first. */
export function listenForStop(onSecond: () => void): StopSignals {
  const controller = new AbortController()
  const { promise: requested, resolve } = Promise.withResolvers<void>()
  let firstAt: number | undefined
  function request(reason: string): void {
    firstAt ??= performance.now()
    controller.abort(new Error(reason))
    resolve()
  }
  const onSignal = (name: NodeJS.Signals): void => {
    if (firstAt === undefined) request(`Stopped by ${name}`)
    else if (performance.now() - firstAt > ECHO_MS) onSecond()
  }
  const launchers = watchLaunchers(() => request('The package manager that runs this is gone'))
  for (const name of SIGNALS) process.on(name, onSignal)
  return {
    signal: controller.signal,
    requested,
    release() {
      launchers.stop()
      for (const name of SIGNALS) process.off(name, onSignal)
    },
  }
}
