import { codeOf, textOf } from '@titan/queue-core/text-of'

/** Longest text kept in an evidence record. */
const LIMIT = 300

/** Text from outside, fit for an evidence record: bounded, without the NUL that PostgreSQL cannot hold. */
export function sanitizeText(text: string): string {
  const clean = text.replaceAll('\u0000', '').toWellFormed()
  return clean.length > LIMIT ? `${clean.slice(0, LIMIT - 1)}…`.toWellFormed() : clean
}

/** What can be said about a thrown value. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error)
  return sanitizeText(code === '' ? textOf(error) : `${code}: ${textOf(error)}`)
}
