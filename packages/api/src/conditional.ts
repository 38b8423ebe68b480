import { createHash } from 'node:crypto'
import type { Context } from 'hono'

/**
 * Answers with a body that changes rarely: tagged with its own hash, and 304 without a body when the client
 * has this version already.
 */
export function answerTagged(context: Context, body: object): Response {
  const text = JSON.stringify(body)
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
  context.header('etag', tag)
  context.header('cache-control', 'private, no-cache')
  if (matches(context.req.header('if-none-match'), tag)) return context.body(null, 304)
  return context.body(text, 200, { 'content-type': 'application/json' })
}

/** Weak comparison, as RFC 9110 wants it for If-None-Match. */
function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === tag)
}
