import { hash } from 'node:crypto'
import { hasTag } from '@titan/dashboard'
import type { Context } from 'hono'
import { answerText } from './http/response.ts'
import type { AppEnv } from './middleware/frame.ts'

/**
 * Answers with a body that changes rarely: tagged with its own hash, and 304 without a body when the client
 * has this version already. `more` are further headers.
 */
export function answerTagged(
  context: Context<AppEnv>,
  body: object,
  more?: Readonly<Record<string, string>>,
): Response {
  const text = JSON.stringify(body)
  const tag = `"${hash('sha256', text, 'base64url').slice(0, 22)}"`
  const headers = { etag: tag, 'cache-control': 'private, no-cache', ...more }
  if (hasTag(context.req.header('if-none-match'), tag))
    return answerText(context, null, { status: 304, headers })
  return answerText(context, text, { headers })
}
