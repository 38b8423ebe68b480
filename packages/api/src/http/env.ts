import type { IncomingMessage } from 'node:http'
import type { WebhookRefusal } from '@titan/payments'
import type { CheckedKey } from '../keys/api-key.ts'

/** What every request carries. */
export interface AppEnv {
  /** What the server hands over; nothing in a test without a socket. */
  Bindings: { incoming?: IncomingMessage }
  Variables: {
    requestId: string
    paymentId?: string
    problemCode?: string
    /** Why a webhook of a gateway was refused. */
    webhookRefusal?: WebhookRefusal
    /** The response that has the common headers already. */
    completeResponse?: Response
    /** Counts a request as several; undefined where requests are not limited. @throws Problem `too-many-requests` */
    countAs?: (requests: number) => void
    /** The caller's key; undefined where none is required. */
    apiKey?: CheckedKey
  }
}
