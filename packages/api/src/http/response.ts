import type { Context } from 'hono'
import type { AppEnv } from '../middleware/frame.ts'

/**
 * What every answer says to browsers: take it for nothing else, show it in no frame, hand it to no other site, speak only TLS
 * from now on. Two more that are recommended for APIs go with the routes: `cache-control`, and a policy for what is a page.
 *
 * @see https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
 */
const DATA_HEADERS: Readonly<Record<string, string>> = {
  'cross-origin-resource-policy': 'same-origin',
  'strict-transport-security': 'max-age=15552000',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/**
 * What answers say beside when they are not JSON: pages, and what belongs to them. They say little about data, and both sides
 * of every request would write and read them. Without a referrer a browser would also hide where a form of the dashboard
 * comes from.
 *
 * @see https://owasp.org/www-project-secure-headers/
 */
const PAGE_HEADERS: Readonly<Record<string, string>> = {
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

/** What may be added to an answer. */
export interface AnswerOptions {
  /** @default 200 */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers with an object. @throws TypeError when it cannot be written as JSON */
export function answerJson(context: Context<AppEnv>, body: object, options?: AnswerOptions): Response {
  return answerText(context, JSON.stringify(body), options)
}

/**
 * Answers with JSON that is written already, or without a body. The headers stay one plain record on their way to the
 * socket: a `Headers` object that each middleware adds to took an eighth of what a payment costs in this process. So what
 * was set by `context.header` before is not part of it; what a middleware sets later is, and costs that object.
 */
export function answerText(
  context: Context<AppEnv>,
  json: string | null,
  { status = 200, headers }: AnswerOptions = {},
): Response {
  const type = json === null ? undefined : { 'content-type': 'application/json' }
  const requestId = { 'x-request-id': context.get('requestId') }
  const response = new Response(json, {
    status,
    headers: { ...DATA_HEADERS, ...requestId, ...type, ...headers },
  })
  context.set('dressed', response)
  return response
}

/** Answers with a page of a list; `next` is the cursor of the next one, and null where the list ends. */
export function answerPage(context: Context<AppEnv>, data: readonly object[], next: string | null): Response {
  const headers: Record<string, string> = { 'cache-control': 'private, no-cache' }
  if (next !== null) {
    const url = new URL(context.req.url)
    url.searchParams.set('cursor', next)
    headers['link'] = `<${url.pathname}${url.search}>; rel="next"`
  }
  return answerJson(context, { data, has_more: next !== null, next_cursor: next }, { headers })
}

/** Adds what every answer says to one that was made in another way, and leaves alone what it says itself. */
export function dressAnswer(context: Context<AppEnv>): void {
  if (context.res === context.get('dressed')) return
  const { headers } = context.res
  const type = headers.get('content-type')
  // Without a type there is no body. What a 304 says, a browser's cache takes over for the answer that it confirms.
  const standing = type === null || JSON_TYPE.test(type) ? DATA_HEADERS : PAGE_HEADERS
  for (const [name, value] of [
    ...Object.entries(standing),
    ['x-request-id', context.get('requestId')],
  ] as const)
    if (!headers.has(name)) headers.set(name, value)
}
