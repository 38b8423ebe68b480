const header = (description: string, example: string): HeaderObject => ({
  description,
  schema: { type: 'string' },
  example,
})

/** A header as OpenAPI describes it. */
interface HeaderObject {
  readonly description: string
  readonly schema: { readonly type: 'string' }
  readonly example: string
}

/** Headers of responses. */
export const HEADERS: Readonly<Record<HeaderName, HeaderObject>> = {
  Location: header('Address of the new resource', '/payments/pay_019aa1b2c3d4e5f6a7b8c9d0e1f2a3b4'),
  'Idempotent-Replayed': header('"true" when the key was known and nothing new was stored', 'true'),
  'Retry-After': header('Seconds to wait before the next request', '1'),
  ETag: header('The version of the body, for If-None-Match', '"dBjftJeZ4CVP-mB92K27uh"'),
  Link: header(
    'The next page, with rel="next"; absent on the last page',
    '</payments?cursor=cGF5Xw>; rel="next"',
  ),
  RateLimit: header('The rest: r requests now, all of them again in t seconds', '"default";r=99;t=1'),
  'RateLimit-Policy': header('The limit: q requests in w seconds', '"default";q=100;w=60'),
  'WWW-Authenticate': header('How to send the API key', 'Bearer realm="titan"'),
}

/** The name of a header of responses. */
export type HeaderName =
  | 'Location'
  | 'Idempotent-Replayed'
  | 'Retry-After'
  | 'ETag'
  | 'Link'
  | 'RateLimit'
  | 'RateLimit-Policy'
  | 'WWW-Authenticate'

/** The name of a header of requests. */
export type RequestHeaderName = 'Idempotency-Key' | 'If-None-Match'

/** Headers of requests. */
export const REQUEST_HEADERS: Readonly<Record<RequestHeaderName, HeaderObject>> = {
  'Idempotency-Key': header(
    'Instead of the member "idempotency_key" of the body, bare or quoted. Both may be sent if they are equal.',
    'order-4711',
  ),
  'If-None-Match': header(
    'The ETag of an earlier response: 304 without a body when nothing has changed',
    '"dBjftJeZ4CVP-mB92K27uh"',
  ),
}
