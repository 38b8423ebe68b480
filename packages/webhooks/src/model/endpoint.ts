import type { WebhookEventType } from './event.ts'

/** Why an endpoint is disabled: it answered 410, it failed for too long, or an operator disabled it. */
export type DisabledReason = 'gone' | 'failing' | 'operator'

/** A receiver of events. Its secrets are shown once, when they are created. */
export interface WebhookEndpoint {
  /** `we_` and 32 hexadecimal digits. */
  readonly id: string
  readonly url: string
  readonly description: string
  /** The types that it receives; null for every type. */
  readonly eventTypes: readonly WebhookEventType[] | null
  readonly disabledAt: Date | null
  readonly disabledReason: DisabledReason | null
  /** Every attempt as of then has failed. */
  readonly firstFailureAt: Date | null
  /** Nothing is sent before then. */
  readonly pausedUntil: Date | null
  /** Until then the previous secret signs too. */
  readonly oldSecretUntil: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** An endpoint to create. */
export interface NewEndpoint {
  readonly url: string
  /** For people, at most 255 characters. @default '' */
  readonly description?: string | undefined
  /** Null for every type, also those that later versions add. @default null */
  readonly eventTypes?: readonly WebhookEventType[] | null | undefined
  /** `whsec_` and base64 of 24 to 64 bytes. @default a new one of 32 random bytes */
  readonly secret?: string | undefined
}

/** Changes of an endpoint; what is left out stays. */
export interface EndpointChanges {
  readonly url?: string | undefined
  readonly description?: string | undefined
  readonly eventTypes?: readonly WebhookEventType[] | null | undefined
  /** False stops sending; true starts it again, with a clean record. */
  readonly isEnabled?: boolean | undefined
}

/** A new endpoint, and its secret, shown only once. */
export interface CreatedEndpoint {
  readonly endpoint: WebhookEndpoint
  readonly secret: string
}

/** How to rotate a secret. */
export interface RotationOptions {
  /** @default a new one */
  readonly secret?: string | undefined
  /** How long the present secret signs too, in milliseconds; 0 for one that leaked. @default 86400000, a day */
  readonly overlapMs?: number | undefined
  /** Rotates although an old secret still signs; that one ends at once. @default false */
  readonly isForced?: boolean | undefined
}

/** A new secret, shown once. */
export interface RotatedSecret {
  readonly secret: string
  /** Null when the old one ended at once. */
  readonly oldSecretUntil: Date | null
}
