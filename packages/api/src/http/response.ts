import { hash } from 'node:crypto'
import { hasTag } from '@titan/dashboard'
import type { Context } from 'hono'
import type { AppEnv } from './env.ts'

/**
 * Headers of every response, for browsers: do not guess the type, show it in no frame, give it to no other site, use only
 * TLS from now on. Routes add two more that are recommended for APIs: `cache-control`, and a content policy for pages.
 * See https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers.
 */
const DATA_HEADERS = {
  'cross-origin-resource-policy': 'same-origin',
  'strict-transport-security': 'max-age=15552000',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/**
 * Headers of responses that are not JSON: pages and their files. They mean little for data, and both sides of every request
 * would have to write and read them. Without a referrer a browser would also hide the origin of the dashboard's forms.
 * See https://owasp.org/www-project-secure-headers/.
 */
const PAGE_HEADERS = {
  ...DATA_HEADERS,
  'cross-origin-opener-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'same-origin',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
}

const JSON_TYPE = /^application\/(\w+\+)?json\b/

type FurtherHeaders = Readonly<Record<string, string>>

/** Status of a response, 200 by default, and further headers. */
interface ResponseOptions {
  readonly status?: number
  readonly headers?: FurtherHeaders
}

/** Responds with an object as JSON. */
export function respondJson(context: Context<AppEnv>, body: object, options?: ResponseOptions): Response {
  return respondText(context, JSON.stringify(body), options)
}

/**
 * Responds with JSON text, or without a body. The headers stay one plain record on their way to the socket: a `Headers`
 * object that each middleware adds to cost an eighth of the time of a payment in this process. Headers that were set with
 * `context.header` before are therefore not included; those that a middleware sets later are, and cost that object.
 */
function respondText(
  context: Context<AppEnv>,
  json: string | null,
  { status = 200, headers }: ResponseOptions = {},
): Response {
  const type = json === null ? undefined : { 'content-type': 'application/json' }
  const requestId = { 'x-request-id': context.get('requestId') }
  const all = { ...DATA_HEADERS, ...requestId, ...type, ...headers }
  const response = new Response(json, { status, headers: all })
  context.set('completeResponse', response)
  return response
}

/** Responds with a body that changes rarely: with an ETag, or 304 without a body when the client has this version. */
export function respondTagged(context: Context<AppEnv>, body: object, more?: FurtherHeaders): Response {
  const text = JSON.stringify(body)
  const tag = `"${hash('sha256', text, 'base64url').slice(0, 22)}"`
  const headers = { etag: tag, 'cache-control': 'private, no-cache', ...more }
  if (hasTag(context.req.header('if-none-match'), tag))
    return respondText(context, null, { status: 304, headers })
  return respondText(context, text, { headers })
}

/** Responds with a page of a list; `next` is the cursor of the next page, or null at the end. */
export function respondPage(context: Context<AppEnv>, data: readonly object[], next: string | null = null) {
  const headers: Record<string, string> = { 'cache-control': 'private, no-cache' }
  if (next !== null) {
    const url = new URL(context.req.url)
    url.searchParams.set('cursor', next)
    headers['link'] = `<${url.pathname}${url.search}>; rel="next"`
  }
  return respondJson(context, { data, has_more: next !== null, next_cursor: next }, { headers })
}

/** Adds the common headers to a response that was made in another way, and keeps those that it has. */
export function addCommonHeaders(context: Context<AppEnv>): void {
  if (context.res === context.get('completeResponse')) return
  const { headers } = context.res
  const type = headers.get('content-type')
  // Without a type there is no body. A browser updates the cached response with the headers of a 304.
  const common = type === null || JSON_TYPE.test(type) ? DATA_HEADERS : PAGE_HEADERS
  for (const [name, value] of Object.entries(common)) if (!headers.has(name)) headers.set(name, value)
  if (!headers.has('x-request-id')) headers.set('x-request-id', context.get('requestId'))
}
