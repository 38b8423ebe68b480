import type { AttemptFailure } from './verdict.ts'

/** What happens in the background, for logs and counters. The whole catalogue. Nothing here names a URL or a secret. */
export type WebhooksEvent =
  /** Events became deliveries. */
  | { readonly type: 'fanned_out'; readonly count: number }
  /** Due deliveries were handed to the queue. */
  | { readonly type: 'dispatched'; readonly count: number }
  /** Due deliveries were ended because their endpoint gets nothing any more. */
  | { readonly type: 'unsendable'; readonly count: number }
  | {
      readonly type: 'delivered'
      readonly deliveryId: string
      readonly endpointId: string
      readonly code: number
      readonly durationMs: number
    }
  | {
      readonly type: 'attempt_failed'
      readonly deliveryId: string
      readonly endpointId: string
      readonly attempt: number
      readonly error: AttemptFailure
      readonly code: number | undefined
      readonly durationMs: number
      /** Undefined: that was the last attempt. */
      readonly delayMs: number | undefined
    }
  /** An endpoint is disabled now: somebody has to look after it. */
  | { readonly type: 'endpoint_disabled'; readonly endpointId: string; readonly reason: 'gone' | 'failing' }
  /** An attempt was made, but its result was not needed or could not be stored: it may be repeated. */
  | { readonly type: 'result_dropped'; readonly deliveryId: string }
  /** Events that were older than the retention are gone, with their deliveries. */
  | { readonly type: 'pruned'; readonly count: number }
  | { readonly type: 'error'; readonly source: 'relay' | 'sender' | 'pruner'; readonly error: unknown }

/** Receives every event; must not throw. */
export type OnWebhooksEvent = (event: WebhooksEvent) => void
