import { chainOf, codeOf, isError, propertyOf, textOf } from '@titan/queue-core/text-of'

/** What a receiver did with one request. */
export type ReceiverResponse =
  /** A complete response, or as much of it as is read. */
  | {
      readonly kind: 'answered'
      readonly code: number
      /** The header, as received. */
      readonly retryAfter: string | undefined
      /** The beginning. */
      readonly body: string
      readonly durationMs: number
    }
  /** No response, or an incomplete one. */
  | {
      readonly kind: 'unanswered'
      readonly error: NetworkFailure
      /** The text of the error, shortened. */
      readonly detail: string
      /** Known when the response had begun. */
      readonly code: number | undefined
      readonly durationMs: number
    }

/** Why there was no response. `blocked`: the address is not allowed, and nothing was sent. */
export const NETWORK_FAILURES = [
  'blocked',
  'dns',
  'connect',
  'tls',
  'timeout',
  'reset',
  'protocol',
  'network',
] as const
/** One of {@link NETWORK_FAILURES}. */
export type NetworkFailure = (typeof NETWORK_FAILURES)[number]

/** Thrown before a connection to an address that is not allowed. */
export class BlockedAddressError extends Error {
  readonly code = 'BLOCKED_ADDRESS'
}

const MAX_DETAIL = 300

/** Makes a text from outside fit for PostgreSQL, which cannot hold NUL. */
export function storable(text: string) {
  return text.replaceAll('\u0000', '').toWellFormed()
}

/** Returns the text of an error, shortened. */
export function detailOf(error: unknown) {
  const text = storable(textOf(deepestOf(error)))
  return text.slice(0, MAX_DETAIL).toWellFormed()
}

const RULES: readonly (readonly [RegExp, NetworkFailure])[] = [
  [/^BLOCKED_ADDRESS$/, 'blocked'],
  [/^(ENOTFOUND|ENODATA|ESERVFAIL|EREFUSED|EBADNAME|ENONAME|EAI_\w+|EBADRESP|EFORMERR|ETIMEOUT)$/, 'dns'],
  [/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT|UND_ERR_ABORTED)$/, 'timeout'],
  // The codes of the TLS library.
  [
    /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO|CRL_)/,
    'tls',
  ],
  [/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EHOSTDOWN|EACCES|EPERM)$/, 'connect'],
  [/^(ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET)$/, 'reset'],
  [/^(HPE_|UND_ERR_|HTTPParserError$)/, 'protocol'],
]

/** Returns the kind of a network error. */
export function failureOf(error: unknown): NetworkFailure {
  const deepest = deepestOf(error)
  // The name server refused the connection, not the receiver.
  if (memberOf(deepest, 'syscall').startsWith('query')) return 'dns'
  // The parser's own errors do not always have a code.
  const code = codeOf(deepest) || codeOf(error) || memberOf(deepest, 'name')
  return RULES.find(([pattern]) => pattern.test(code))?.[1] ?? 'network'
}

function deepestOf(error: unknown): unknown {
  return chainOf(error).findLast(isError) ?? error
}

function memberOf(error: unknown, name: 'name' | 'syscall'): string {
  const value = isError(error) ? propertyOf(error, name) : ''
  return typeof value === 'string' ? value : ''
}
