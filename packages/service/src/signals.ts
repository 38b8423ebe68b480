import type { Log } from './log.ts'
import { EXIT } from './program.ts'

/** Something that runs until a signal stops it. */
export interface Service<Running> {
  readonly log: Log
  start(): Promise<Running>
  /** Reports that it runs. */
  announce(running: Running): void
  /** Ends it in good order. */
  stop(running: Running): Promise<void>
}

/**
 * Runs a service until the first SIGTERM or SIGINT, then stops it in good order. A second signal ends the process
 * at once, with code 1; so does one that comes while nothing runs yet, with code 0.
 *
 * @returns the exit code
 */
export async function runUntilStopped<Running>(service: Service<Running>): Promise<number> {
  const { log } = service
  const requested = Promise.withResolvers<string>()
  let phase: 'starting' | 'running' | 'stopping' = 'starting'
  const onSignal = (signal: NodeJS.Signals): void => {
    if (phase === 'starting') process.exit(EXIT.ok)
    if (phase === 'stopping') {
      log.warn('program.aborted', 'second signal received, exiting now', { signal })
      process.exit(EXIT.failure)
    }
    phase = 'stopping'
    requested.resolve(signal)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  try {
    const running = await service.start()
    phase = 'running'
    service.announce(running)
    const signal = await requested.promise
    log.info('program.interrupted', 'signal received, stopping', { signal })
    await service.stop(running)
    log.info('program.stopped', 'program stopped')
    return EXIT.ok
  } finally {
    process.off('SIGTERM', onSignal)
    process.off('SIGINT', onSignal)
  }
}
