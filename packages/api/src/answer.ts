import type { Context, MiddlewareHandler } from 'hono'
import type { AppEnv } from './middleware.ts'

/**
 * What every answer says to browsers: take no content for something else, show it in no foreign frame, speak only TLS from
 * now on, give nothing away to other sites. Without a referrer a browser would also hide where a form of the dashboard comes from.
 *
 * @see https://owasp.org/www-project-secure-headers/
 */
const SECURITY: Readonly<Record<string, string>> = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'same-origin',
  'strict-transport-security': 'max-age=15552000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'SAMEORIGIN',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
}

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
  const response = new Response(json, { status, headers: { ...standing(context), ...type, ...headers } })
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

/** Adds what every answer says to those that were made in another way, and leaves alone what they say themselves. */
export function dressAnswers(): MiddlewareHandler<AppEnv> {
  return async function dressAnswer(context, next) {
    await next()
    if (context.res === context.get('dressed')) return
    const { headers } = context.res
    for (const [name, value] of Object.entries(standing(context)))
      if (!headers.has(name)) headers.set(name, value)
  }
}

function standing(context: Context<AppEnv>): Record<string, string> {
  return { ...SECURITY, 'x-request-id': context.get('requestId') }
}
