type LocalErrorCode =
  /** Another process holds the folder. */
  | 'ALREADY_RUNNING'
  /** A flag or an input file cannot be used. */
  | 'INVALID_INPUT'
  | 'POSTGRES_UNAVAILABLE'
  /** A program of a topology cannot be had here, or does not start. */
  | 'PROGRAM_UNAVAILABLE'
  | 'REDIS_UNAVAILABLE'
  /** A program ended before it was ready, or ends again and again. */
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
