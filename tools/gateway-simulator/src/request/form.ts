import { createHash } from 'node:crypto'
import type { Answer } from '../stripe/answer.ts'
import { invalidRequest } from '../stripe/errors.ts'

/** The form of a request, as Stripe encodes it: `metadata[payment_id]=pay_1`. */
export type Form = URLSearchParams

/** Hashes the endpoint and the parameters of a request, in any order. */
export function fingerprintOf(path: string, form: Form): string {
  const pairs = [...form].map(([name, value]) => `${name}=${value}`).toSorted()
  return createHash('sha256')
    .update(JSON.stringify([path, pairs]))
    .digest('hex')
}

/** Reads the members of an object, such as `metadata[name]`. */
export function membersOf(form: Form, name: string): Record<string, string> {
  const members: Record<string, string> = {}
  for (const [key, value] of form)
    if (key.startsWith(`${name}[`) && key.endsWith(']')) members[key.slice(name.length + 1, -1)] = value
  return members
}

/** Reads a list, such as `expand[0]` or `expand[]`. */
export function listOf(form: Form, name: string): string[] {
  return Object.values(membersOfList(form, name))
}

function membersOfList(form: Form, name: string): string[] {
  const pattern = new RegExp(`^${name}\\[\\d*\\]$`)
  return [...form].flatMap(([key, value]) => (pattern.test(key) ? [value] : []))
}

/** Reads a whole number of the form; null where there is none. */
export function wholeNumberOf(form: Form, name: string): number | null {
  const text = form.get(name)
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** Whether a flag of the form is set. */
export function isTrue(form: Form, name: string): boolean {
  return form.get(name) === 'true'
}

/** Reads a text of the form; an empty one is none. */
export function textOf(form: Form, name: string): string | null {
  const text = form.get(name)
  return text === null || text === '' ? null : text
}

/** Reads the metadata. An empty value unsets its key. */
export function metadataOf(
  form: Form,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const merged = { ...before, ...membersOf(form, 'metadata') }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ''))
}

const MAX_METADATA = { pairs: 50, key: 40, value: 500 }

/** Says what is wrong with the metadata. */
export function refusalOfMetadata(form: Form): Answer | undefined {
  const metadata = Object.entries(membersOf(form, 'metadata'))
  const refuse = (message: string, key?: string) =>
    invalidRequest(undefined, key === undefined ? 'metadata' : `metadata[${key}]`, message)
  if (metadata.length > MAX_METADATA.pairs)
    return refuse(`Metadata can have up to ${MAX_METADATA.pairs} keys, but you passed in ${metadata.length}.`)
  for (const [key, value] of metadata) {
    if (key.length > MAX_METADATA.key)
      return refuse(
        `Metadata keys can have up to ${MAX_METADATA.key} characters. Invalid key: ${key.slice(0, 50)}`,
      )
    if (/[[\]]/.test(key)) return refuse(`Metadata keys cannot contain square brackets. Invalid key: ${key}`)
    if (value.length > MAX_METADATA.value)
      return refuse(
        `Metadata values can have up to ${MAX_METADATA.value} characters, but you passed in a value that is ${value.length} characters.`,
        key,
      )
  }
  return undefined
}

/** Says that one of these flags is neither true nor false. */
export function refusalOfFlags(form: Form, names: readonly string[]): Answer | undefined {
  const name = names.find((name) => !['true', 'false', null].includes(form.get(name)))
  return name === undefined
    ? undefined
    : invalidRequest(undefined, name, `Invalid boolean: ${form.get(name) ?? ''}`)
}
