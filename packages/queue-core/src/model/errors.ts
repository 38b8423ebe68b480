import { findWrongMember, type MemberNames, type Members } from './members.ts'
import { isError, isInstance, propertyOf, quote, textOf } from './text-of.ts'

/**
 * Makes `instanceof` hold for instances of other copies of the library: a process may load it as an ES module and as
 * CommonJS, in two versions, or bundled. Subclasses are told apart as ever.
 */
function shareAcrossCopies(type: abstract new (...args: never[]) => Error, name: string): void {
  const mark = Symbol.for(`@titan/queue-core/${name}`)
  Object.defineProperty(type.prototype, mark, { value: true })
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== type) return Function.prototype[Symbol.hasInstance].call(this as typeof type, value)
      return typeof value === 'object' && value !== null && mark in value
    },
  })
}

/** Stable, machine-readable reason of a {@link QueueError}. */
export type QueueErrorCode =
  | 'CLOSED'
  | 'HANDLER_TIMEOUT'
  | 'INCOMPLETE'
  | 'INVALID_OPTIONS'
  | 'INVALID_PAYLOAD'
  | 'LEASE_LOST'
  | 'NO_REPLY'
  | 'NOT_SENT'
  | 'QUEUE_FULL'
  | 'STOPPED'
  | 'UNKNOWN_JOB'
  | 'UNSUPPORTED_SERVER'

/**
 * The one error class of the library. Errors of Redis and of the network pass through untouched.
 * Match on `code`, never on the message.
 */
export class QueueError extends Error {
  override readonly name = 'QueueError'
  /** What to match on. */
  readonly code: QueueErrorCode
  /** `enqueueMany`: the result of each job; undefined where the job did not fit, was not sent, or nothing is known. */
  declare readonly accepted?: readonly ({ readonly id: string; readonly duplicate: boolean } | undefined)[]

  constructor(
    code: QueueErrorCode,
    message: string,
    options: ErrorOptions & { readonly accepted?: QueueError['accepted'] | undefined } = {},
  ) {
    super(message, options)
    this.code = code
    if (options.accepted !== undefined) this.accepted = options.accepted
  }
}
shareAcrossCopies(QueueError, 'QueueError')

/**
 * An error that the engine itself raised about the job in hand. An error of the same code that a handler got elsewhere,
 * for example from another queue, says nothing about its own job.
 */
export class EngineError extends QueueError {}

/** Creates the error of a call whose options cannot be used. */
export function invalidOptions(message: string, options?: ErrorOptions): QueueError {
  return new QueueError('INVALID_OPTIONS', message, options)
}

/** Refuses options that are no object, or have a member that the call does not know. @throws {QueueError} `INVALID_OPTIONS` */
export function checkMembers(call: string, options: unknown, members: MemberNames): void {
  const wrong = findWrongMember(call, options, members)
  if (wrong !== undefined) throw invalidOptions(wrong)
}

/** Returns a number of a call's options that is whole and in its range. @throws {QueueError} `INVALID_OPTIONS` */
export function checkWhole(
  name: string,
  value: number,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  throw invalidOptions(`${name} must be a whole number ${range}, got ${quote(value)}`)
}

/** Returns a number of a call's options that is at least `min`; it may be infinite. @throws {QueueError} `INVALID_OPTIONS` */
export function checkAtLeast(name: string, value: number, min: number): number {
  if (typeof value === 'number' && value >= min) return value
  throw invalidOptions(`${name} must be a number of at least ${min}, got ${quote(value)}`)
}

/** Thrown by a handler: the job becomes a dead letter now, whatever attempts are left. */
export class UnrecoverableError extends Error {
  override readonly name = 'UnrecoverableError'
}
shareAcrossCopies(UnrecoverableError, 'UnrecoverableError')

interface RetryOptions extends ErrorOptions {
  readonly delayMs: number
  readonly countsAsAttempt?: boolean
}

const RETRY_OPTIONS: Members<RetryOptions> = { delayMs: true, countsAsAttempt: true, cause: true }

/**
 * Thrown by a handler: try again after `delayMs` instead of the backoff's delay.
 * It counts as a failed attempt unless `countsAsAttempt` is false.
 */
export class RetryError extends Error {
  override readonly name = 'RetryError'
  /** Milliseconds until the job is ready again. */
  readonly delayMs: number
  /** Whether this failure uses up one of the job's `maxAttempts`. @default true */
  readonly countsAsAttempt: boolean

  /** @throws {QueueError} `INVALID_OPTIONS` for an option that there is not */
  constructor(message: string, options: RetryOptions) {
    checkMembers('RetryError', options, RETRY_OPTIONS)
    super(message, options)
    this.delayMs = options.delayMs
    this.countsAsAttempt = options.countsAsAttempt ?? true
  }
}
shareAcrossCopies(RetryError, 'RetryError')

/**
 * Returns what was thrown as an error whose members are what their types say, so that the engine and its listeners may
 * read them. A sound error stays as it is; any other value becomes the `cause` of a new one of the same kind.
 * `actor`: who threw, for the text.
 */
export function soundError(thrown: unknown, actor: string): Error {
  if (isSound(thrown)) return thrown
  const options = { cause: thrown }
  const text = textOf(thrown)
  if (isInstance(thrown, UnrecoverableError)) return new UnrecoverableError(text, options)
  if (isInstance(thrown, RetryError)) {
    const countsAsAttempt = propertyOf(thrown, 'countsAsAttempt') !== false
    return new RetryError(text, { delayMs: Number.NaN, countsAsAttempt, ...options })
  }
  return new Error(isError(thrown) ? text : `${actor} threw ${text}`, options)
}

function isSound(thrown: unknown): thrown is Error {
  if (!isError(thrown)) return false
  if (typeof propertyOf(thrown, 'message') !== 'string' || typeof propertyOf(thrown, 'name') !== 'string')
    return false
  return !isInstance(thrown, RetryError) || typeof propertyOf(thrown, 'delayMs') === 'number'
}

/** The name, if it may be part of a key: braces would make another hash tag. @throws {QueueError} `INVALID_OPTIONS` */
export function checkQueueName(what: string, name: string): string {
  if (/^[\w.:-]{1,100}$/.test(name)) return name
  throw invalidOptions(`${what} ${quote(name)} is not valid: use 1–100 letters, digits or . : - _`)
}
