/** Stable, machine-readable reason of a {@link WebhooksError}. */
export type WebhooksErrorCode =
  | 'DELIVERY_NOT_FOUND'
  | 'ENDPOINT_DISABLED'
  | 'ENDPOINT_LIMIT'
  | 'ENDPOINT_NOT_FOUND'
  | 'EVENT_NOT_FOUND'
  | 'INVALID_CONFIG'
  | 'INVALID_ENDPOINT'
  | 'ROTATION_OVERLAP'
  | 'SECRET_UNREADABLE'

/** Further properties of a {@link WebhooksError}. */
export interface WebhooksErrorOptions extends ErrorOptions {
  readonly issues?: readonly string[] | undefined
  readonly field?: 'url' | 'secret' | 'description' | 'event_types' | undefined
  readonly retryAfterMs?: number | undefined
}

/**
 * The only error class of outgoing webhooks; errors of PostgreSQL, Redis and the network pass through unchanged. Match on
 * `code`, never on the message. No message quotes a secret or a key.
 */
export class WebhooksError extends Error {
  override readonly name = 'WebhooksError'
  readonly code: WebhooksErrorCode
  /** What is wrong, one sentence each; more than one for `INVALID_CONFIG`. */
  readonly issues: readonly string[]
  /** `INVALID_ENDPOINT`: the invalid field. */
  readonly field: WebhooksErrorOptions['field']
  /** `ROTATION_OVERLAP`: milliseconds until the secret can be rotated without force. */
  readonly retryAfterMs: number | undefined

  constructor(code: WebhooksErrorCode, message: string, options: WebhooksErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.issues = options.issues ?? [message]
    this.field = options.field
    this.retryAfterMs = options.retryAfterMs
  }
}
