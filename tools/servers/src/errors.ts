/**
 * Why a local server could not be provided or the demo could not run:
 *
 * - `ALREADY_RUNNING`: another `start` of this checkout holds the state folder
 * - `INVALID_INPUT`: a flag or an input file cannot be used
 * - `POSTGRES_UNAVAILABLE`: no PostgreSQL could be started
 * - `REDIS_UNAVAILABLE`: no Redis could be found or started
 * - `SERVER_EXITED`: a program ended before it was ready
 * - `TIMEOUT`: a condition did not come true in time
 */
type LocalErrorCode =
  | 'ALREADY_RUNNING'
  | 'INVALID_INPUT'
  | 'POSTGRES_UNAVAILABLE'
  | 'REDIS_UNAVAILABLE'
  | 'SERVER_EXITED'
  | 'TIMEOUT'

/** The one error of this package; `code` is stable, the message says what to do next. */
export class LocalError extends Error {
  override readonly name = 'LocalError'
  readonly code: LocalErrorCode

  constructor(code: LocalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The message of anything thrown. */
export function describeError(error: unknown) {
  return error instanceof Error ? error.message : String(error)
}
