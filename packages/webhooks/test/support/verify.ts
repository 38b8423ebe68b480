import { Webhook } from 'standardwebhooks'
import type { WebhookPayload } from '../../src/index.ts'
import type { Received } from './receiver.ts'

/** Verifies a request with the library that receivers use. Throws when the signature is not good. */
export function verify({ body, headers }: Received, secret: string): WebhookPayload {
  return new Webhook(secret).verify(body, {
    'webhook-id': header(headers, 'webhook-id'),
    'webhook-timestamp': header(headers, 'webhook-timestamp'),
    'webhook-signature': header(headers, 'webhook-signature'),
  }) as WebhookPayload
}

function header(headers: Received['headers'], name: string): string {
  const value = headers[name]
  if (typeof value !== 'string') throw new Error(`no header ${name}`)
  return value
}
