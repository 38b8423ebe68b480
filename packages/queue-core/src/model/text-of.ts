// Reads thrown values. A program may throw anything: each function here accepts every value and never throws.

import { types } from 'node:util'

/** Characters of a text unless the caller sets another limit, and of a name or code. */
const TEXT_LIMIT = 1_000
const NAME_LIMIT = 100
/** Causes and aggregated errors that are searched for a text, from the outside in, and those that are named. */
const DEPTH_LIMIT = 4
const PARTS_LIMIT = 3
/** Values of a chain of causes. */
const CHAIN_LIMIT = 8

/**
 * Returns what a thrown value says: its message, else the texts of its parts or its cause, else its name. The text is
 * never empty, is well-formed UTF-16, and has at most `limit` characters. @default 1000
 */
export function textOf(thrown: unknown, limit: number = TEXT_LIMIT): string {
  return cut(describe(thrown, limit, DEPTH_LIMIT) || 'unreadable error', limit)
}

/** Returns a value as a message quotes it: as JSON, or its type where it has none. JSON has no NaN. */
export function quote(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return attempt(() => JSON.stringify(value)) ?? typeof value
}

/** Returns the message of an error, without those below it; '' where it has none. As long as `textOf` at most. */
export function messageOf(thrown: unknown, limit: number = TEXT_LIMIT): string {
  return isError(thrown) ? cut(ownMessage(thrown), limit) : ''
}

/** Returns the name of an error, or the type of any other value. */
export function nameOf(thrown: unknown): string {
  const name = propertyOf(thrown, 'name')
  return isError(thrown) && typeof name === 'string' && name !== '' ? cut(name, NAME_LIMIT) : typeof thrown
}

/** Returns the `code` of an error if it is a text, else ''. */
export function codeOf(thrown: unknown): string {
  const code = propertyOf(thrown, 'code')
  return isError(thrown) && typeof code === 'string' ? cut(code, NAME_LIMIT) : ''
}

/**
 * Returns a thrown value and what caused it, from the outside in: the `cause` of an error, or the first error of an
 * `AggregateError`. At most eight values, also where an error is its own cause.
 */
export function chainOf(thrown: unknown): readonly unknown[] {
  const chain = [thrown]
  for (let error = thrown; isError(error) && chain.length < CHAIN_LIMIT; chain.push(error)) {
    const inner = propertyOf(propertyOf(error, 'errors'), '0') ?? propertyOf(error, 'cause')
    if (inner === undefined || chain.includes(inner)) break
    error = inner
  }
  return chain
}

/** Whether the value is an `Error`, also one of another realm: in Jest, each error of Node is. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value) || isInstance(value, Error)
}

/** `value instanceof type`; false where the check itself throws, as it does for a revoked proxy. */
export function isInstance<T>(value: unknown, type: abstract new (...args: never[]) => T): value is T {
  return attempt(() => value instanceof type) ?? false
}

/** Returns a property; undefined where there is none or reading it throws. */
export function propertyOf(value: unknown, key: string): unknown {
  return isObject(value) ? attempt(() => Reflect.get(value, key)) : undefined
}

function describe(value: unknown, limit: number, depth: number): string {
  if (!isObject(value)) return String(value)
  const message = depth === 0 ? '' : ownMessage(value)
  if (message !== '' || depth === 0) return message
  return isError(value) ? describeError(value, limit, depth) : stringOf(value)
}

/** The message, where it is a text or holds one: some programs make an error of a server's whole response. */
function ownMessage(value: object): string {
  const message = propertyOf(value, 'message')
  if (message === undefined || message === null) return ''
  // oxlint-disable-next-line typescript/no-base-to-string -- no object reaches this
  if (!isObject(message)) return String(message)
  const inner = propertyOf(message, 'message')
  return typeof inner === 'string' ? inner : ''
}

/** An error without a message. */
function describeError(error: Error, limit: number, depth: number): string {
  const parts = partsOf(error).map((part) => cut(describe(part, limit, depth - 1), limit))
  const inner = parts.filter((part) => part !== '').join('; ')
  if (inner !== '') return inner
  const code = codeOf(error)
  return code === '' ? nameOf(error) : `${nameOf(error)} ${code}`
}

/** The errors below an error that has no message. */
function partsOf(error: Error): unknown[] {
  const errors = propertyOf(error, 'errors')
  const parts = ['0', '1', '2'].map((index) => propertyOf(errors, index))
  return [...parts, propertyOf(error, 'cause')].filter((part) => part !== undefined).slice(0, PARTS_LIMIT)
}

/** An object as text. An array is not joined: it may be huge. */
function stringOf(value: object): string {
  const isArray = attempt(() => Array.isArray(value)) ?? true
  // oxlint-disable-next-line typescript/no-base-to-string -- the class may have its own text
  const text = isArray ? undefined : attempt(() => String(value))
  return text ?? attempt(() => Object.prototype.toString.call(value)) ?? ''
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function cut(text: string, limit: number): string {
  return (text.length > limit ? text.slice(0, limit) : text).toWellFormed()
}

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
