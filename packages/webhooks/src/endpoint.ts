import type { WebhookEventType } from './event-types.ts'

/** Why nothing is sent to an endpoint: it answered 410, it failed for too long, or somebody wanted it so. */
export type DisabledReason = 'gone' | 'failing' | 'operator'

/** A receiver of events. Its secrets are shown once, when they are made. */
export interface WebhookEndpoint {
  /** `we_` and 32 hexadecimal digits. */
  readonly id: string
  readonly url: string
  readonly description: string
  /** The types that are sent to it; null is every type. */
  readonly eventTypes: readonly WebhookEventType[] | null
  readonly disabledAt: Date | null
  readonly disabledReason: DisabledReason | null
  /** Every attempt has failed since then. */
  readonly firstFailureAt: Date | null
  /** Nothing is sent before. */
  readonly pausedUntil: Date | null
  /** Until then the secret before the present one signs too. */
  readonly oldSecretUntil: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What to create. */
export interface NewEndpoint {
  readonly url: string
  /** For people, at most 255 characters. @default '' */
  readonly description?: string | undefined
  /** Null is every type, also those that later versions add. @default null */
  readonly eventTypes?: readonly WebhookEventType[] | null | undefined
  /** `whsec_` and base64 of 24 to 64 bytes. @default a new one of 32 random bytes */
  readonly secret?: string | undefined
}

/** What to change; what is left out stays. */
export interface EndpointChanges {
  readonly url?: string | undefined
  readonly description?: string | undefined
  readonly eventTypes?: readonly WebhookEventType[] | null | undefined
  /** False stops sending, true begins again, with a clean record. */
  readonly isEnabled?: boolean | undefined
}

/** A new endpoint, and the only sight of its secret. */
export interface CreatedEndpoint {
  readonly endpoint: WebhookEndpoint
  readonly secret: string
}

/** How to rotate. */
export interface RotationOptions {
  /** @default a new one */
  readonly secret?: string | undefined
  /** How long the present secret goes on signing, in milliseconds; 0 for one that leaked. @default 86400000, a day */
  readonly overlapMs?: number | undefined
  /** Rotate although an old secret is still signing; that one stops at once. @default false */
  readonly isForced?: boolean | undefined
}

/** A new secret, shown once. */
export interface RotatedSecret {
  readonly secret: string
  /** Null when the old one stopped at once. */
  readonly oldSecretUntil: Date | null
}
