type PaymentsErrorCode =
  | 'GATEWAY_AWAY'
  | 'CREDENTIALS_REFUSED'
  | 'GATEWAY_CONFIG'
  | 'INVALID_OPTIONS'
  | 'INVALID_PAYMENT'
  | 'INVALID_ROUTES'
  | 'LIST_TOO_LONG'
  | 'MIGRATION_CHANGED'
  | 'MIGRATION_FAILED'
  | 'MIGRATION_OUT_OF_ORDER'
  | 'OVERLOADED'
  | 'TOO_MANY_DIFFERENCES'
  | 'UNKNOWN_TIME_ZONE'
  | 'UNSAFE_INTEGER'

/**
 * The one error class of the payment domain. Errors of PostgreSQL, Redis and the network pass through
 * untouched. Match on `code`, never on the message.
 */
export class PaymentsError extends Error {
  override readonly name = 'PaymentsError'
  readonly code: PaymentsErrorCode

  constructor(code: PaymentsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
