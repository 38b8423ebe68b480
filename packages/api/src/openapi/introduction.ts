import type { Tag } from './operation.ts'

/** What a reader has to know of every route, in Markdown. */
export const INTRODUCTION: string = `Payments that are carried out in the background, each once.

**Pay.** \`POST /pay\` with an amount and an idempotency key of your own stores a payment and answers at once. If there is no answer, send the same request again with the same key until there is one: one key is one payment for ever. The same key with another amount or currency is refused.

**Follow.** \`GET /payments/{payment_id}\` shows the payment go from PENDING over QUEUED and PROCESSING to SUCCESS or FAILED, which are final. \`Retry-After\` says when to ask again; with \`If-None-Match\` an unchanged payment costs an empty 304. Webhooks tell the same without being asked.

**Lists** come in pages: take \`next_cursor\` of one page as \`cursor\` of the next, with the same filters, until it is null. The \`Link\` header has the whole address.

**Amounts** are whole numbers of minor units of their currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD. **Times** are RFC 3339 in UTC.

**Errors** are problem documents (RFC 9457, \`application/problem+json\`) with a stable \`code\`; its \`type\` leads to what can be done about it. Every answer has an \`X-Request-Id\`, your own if you sent one: name it when you report a problem. Any route may answer \`400\` \`bad-request\`, \`404\` \`not-found\` and \`405\` \`method-not-allowed\`. Members that you do not know may be added to answers; unknown members and parameters of requests are refused.

**Keys and limits.** Routes that show a lock need an API key, as \`Authorization: Bearer <token>\`. Where requests are limited, \`RateLimit\` tells what is left, and \`429\` comes with \`Retry-After\`.

**Never send card data**: what looks like a card number is refused and not stored: 14 to 19 digits of an issuer with a valid check digit, unbroken or in a card's groups. An all-digit reference with the same check digit may look like one, such as a Swedish OCR number of 16 digits that begins with 4. Put a letter into it, such as \`4500000A000000007\`.`

/** The groups of routes, in the order of the page. */
export const TAGS: readonly { readonly name: Tag; readonly description: string }[] = [
  { name: 'Payments', description: 'Create payments and follow them' },
  { name: 'Webhook endpoints', description: 'Where events are sent' },
  { name: 'Webhook events', description: 'What was sent, and sending it again' },
  { name: 'Gateways', description: 'What gateways tell of their charges' },
  { name: 'Service', description: 'The service itself' },
]
