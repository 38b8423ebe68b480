import { watchLaunchers } from './launcher.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
// A package manager passes a Ctrl-C on that the terminal has delivered already; that is no second request.
const ECHO_MS = 500

/**
 * Takes Ctrl-C, its kin and the end of the package manager as one request to stop; calls `onSecond` at each signal after
 * the first.
 */
export function listenForStop(onSecond: () => void) {
  const controller = new AbortController()
  const { signal }: { signal: AbortSignal } = controller
  const { promise: requested, resolve } = Promise.withResolvers<void>()
  let firstAt: number | undefined
  function request(reason: string) {
    firstAt ??= performance.now()
    controller.abort(new Error(reason))
    resolve()
  }
  const onSignal = (name: NodeJS.Signals) => {
    if (firstAt === undefined) request(`Stopped by ${name}`)
    else if (performance.now() - firstAt > ECHO_MS) onSecond()
  }
  const stopWatching = watchLaunchers(() => request('The package manager that runs this is gone'))
  for (const name of SIGNALS) process.on(name, onSignal)
  return {
    /** Aborts at the first request. */
    signal,
    /** Resolves at the first request. */
    requested,
    /** Returns the signals to their defaults. Idempotent. */
    release() {
      stopWatching()
      for (const name of SIGNALS) process.off(name, onSignal)
    },
  }
}
