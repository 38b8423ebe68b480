/** Headers of answers. */
export const HEADERS: Readonly<Record<HeaderName, HeaderObject>> = {
  Location: header('Where the new resource is', '/payments/pay_019aa1b2c3d4e5f6a7b8c9d0e1f2a3b4'),
  'Idempotent-Replayed': header('"true" when the key was known and nothing new was stored', 'true'),
  'Retry-After': header('Seconds to wait before the next request', '1'),
  ETag: header('The version of the body, for If-None-Match', '"dBjftJeZ4CVP-mB92K27uh"'),
  Link: header('The next page, with rel="next"; none on the last', '</payments?cursor=cGF5Xw>; rel="next"'),
  RateLimit: header('What is left: r requests now, all of them again in t seconds', '"default";r=99;t=1'),
  'RateLimit-Policy': header('The limit: q requests in w seconds', '"default";q=100;w=60'),
  'WWW-Authenticate': header('How to send the API key', 'Bearer realm="titan"'),
}

/** A header that answers carry. */
export type HeaderName =
  | 'Location'
  | 'Idempotent-Replayed'
  | 'Retry-After'
  | 'ETag'
  | 'Link'
  | 'RateLimit'
  | 'RateLimit-Policy'
  | 'WWW-Authenticate'

/** A header as OpenAPI describes it. */
export interface HeaderObject {
  readonly description: string
  readonly schema: { readonly type: 'string' }
  readonly example: string
}

/** Headers of requests. */
export const REQUEST_HEADERS = {
  'Idempotency-Key': {
    description:
      'Instead of the member "idempotency_key" of the body, bare or quoted. Both may be sent if they are equal.',
    example: 'order-4711',
  },
  'If-None-Match': {
    description: 'The ETag of an earlier answer: 304 without a body when nothing has changed',
    example: '"dBjftJeZ4CVP-mB92K27uh"',
  },
} as const

function header(description: string, example: string): HeaderObject {
  return { description, schema: { type: 'string' }, example }
}
