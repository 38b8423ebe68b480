import type { AttemptFailure } from './decision.ts'

/** Everything that happens in the background, for logs and counters. No event names a URL or a secret. */
export type WebhooksEvent =
  /**
   * Events became deliveries; due deliveries were enqueued; due deliveries of disabled or deleted endpoints were ended;
   * events older than the retention were deleted, with their deliveries.
   */
  | { readonly type: 'fanned_out' | 'dispatched' | 'unsendable' | 'pruned'; readonly count: number }
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
      /** Undefined after the last attempt. */
      readonly delayMs: number | undefined
    }
  /** An endpoint was disabled: an operator must look after it. */
  | { readonly type: 'endpoint_disabled'; readonly endpointId: string; readonly reason: 'gone' | 'failing' }
  /** The result of an attempt was stale and is not recorded: the attempt may be repeated. */
  | { readonly type: 'result_dropped'; readonly deliveryId: string }
  | { readonly type: 'error'; readonly source: 'relay' | 'sender' | 'pruner'; readonly error: unknown }

/** Receives every event; must not throw. */
export type OnWebhooksEvent = (event: WebhooksEvent) => void
