/** What applies to every route, in Markdown. */
export const INTRODUCTION = `Payments, processed in the background, each charged once.

**Pay.** \`POST /pay\` with an amount and an idempotency key of your choice stores a payment and responds at once. If no response arrives, repeat the same request with the same key until one does: one key always stands for one payment. The same key with another amount or currency is rejected.

**Follow.** \`GET /payments/{payment_id}\` shows the status: PENDING, QUEUED and PROCESSING, then SUCCESS or FAILED, which are final. \`Retry-After\` says when to poll again. With \`If-None-Match\`, an unchanged payment gets an empty 304. Webhooks report the same changes without polling.

**Refund** with \`POST /payments/{payment_id}/refunds\`: as often as you like, up to what was charged. A refund has an id, a status and its own idempotency key, and is processed like a payment. A payment with manual capture is authorized first: capture or void it before its authorization expires.

**Lists** come in pages: pass \`next_cursor\` of one page as \`cursor\` of the next, with the same filters, until it is null. The \`Link\` header has the full URL.

**Amounts** are whole numbers of minor units of their currency: 500 is 5.00 USD, 500 JPY or 0.500 BHD. **Times** are RFC 3339 in UTC.

**Errors** are problem documents (RFC 9457, \`application/problem+json\`) with a stable \`code\`; its \`type\` links to a page that says what to do. Every response has an \`X-Request-Id\`, your own if you sent one: quote it when you report a problem. Any route may return \`400\` \`bad-request\`, \`404\` \`not-found\` and \`405\` \`method-not-allowed\`. Responses may gain members: ignore those that you do not know. Requests with unknown members or parameters are rejected.

**Keys and limits.** Routes that show a lock need an API key, as \`Authorization: Bearer <token>\`. Where requests are limited, \`RateLimit\` shows what is left, and \`429\` comes with \`Retry-After\`.

**Never send card data.** Anything that looks like a card number is rejected and not stored: 14 to 19 digits of an issuer with a valid check digit, unbroken or grouped as on a card. An all-digit reference with the same check digit may look like one, such as a Swedish OCR number of 16 digits that begins with 4. Put a letter into it, such as \`4500000A000000007\`.`
