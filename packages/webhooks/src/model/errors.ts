/** Stable, machine-readable reason of a {@link WebhooksError}. */
export type WebhooksErrorCode =
  | 'DELIVERY_NOT_FOUND'
  | 'ENDPOINT_DISABLED'
  | 'ENDPOINT_LIMIT'
  | 'ENDPOINT_NOT_FOUND'
  | 'EVENT_NOT_FOUND'
  | 'INVALID_ENDPOINT'
  | 'ROTATION_OVERLAP'
  | 'SECRET_UNREADABLE'

/**
 * The only error class of outgoing webhooks; errors of PostgreSQL, Redis and the network pass through unchanged. Match on
 * `code`, never on the message. No message quotes a secret or a key.
 */
export class WebhooksError extends Error {
  override readonly name = 'WebhooksError'
  readonly code: WebhooksErrorCode
  /** `INVALID_ENDPOINT`: the invalid field. */
  readonly field: 'url' | 'secret' | 'description' | 'event_types' | undefined
  /** `ROTATION_OVERLAP`: milliseconds until the secret can be rotated without force. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: WebhooksErrorCode,
    message: string,
    {
      cause,
      field,
      retryAfterMs,
    }: ErrorOptions & Partial<Pick<WebhooksError, 'field' | 'retryAfterMs'>> = {},
  ) {
    super(message, { cause })
    this.code = code
    this.field = field
    this.retryAfterMs = retryAfterMs
  }
}
