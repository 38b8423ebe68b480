import { chainOf, codeOf, isError, propertyOf, textOf } from '@titan/queue-core/text-of'

/** What became of one request. */
export type Answer = Answered | Unanswered

/** There was a whole answer, or as much of it as is read. */
export interface Answered {
  readonly kind: 'answered'
  readonly code: number
  /** The header, as it came. */
  readonly retryAfter: string | undefined
  /** The beginning of the body. */
  readonly response: string
  readonly durationMs: number
}

/** There was none that counts. */
export interface Unanswered {
  readonly kind: 'unanswered'
  readonly error: NetworkFailure
  /** In the words of whoever failed, shortened. */
  readonly detail: string
  /** Known when the answer had begun. */
  readonly code: number | undefined
  readonly durationMs: number
}

/** `blocked`: its address must not be reached, and was not. */
export type NetworkFailure =
  | 'blocked'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'reset'
  | 'protocol'
  | 'network'

/** Raised before a connection to an address that must not be reached. */
export class BlockedAddressError extends Error {
  override readonly name = 'BlockedAddressError'
  readonly code = 'BLOCKED_ADDRESS'

  /** @param reason what the address is; the address itself would tell of the network behind us */
  constructor(reason: string) {
    super(`its host is not at a public address: ${reason}`)
  }
}

const MAX_DETAIL = 300

/** What a text from outside becomes before it is stored: PostgreSQL cannot hold NUL. */
export function storable(text: string): string {
  return text.replaceAll('\u0000', '').toWellFormed()
}

/** What to say of an error, shortened. */
export function detailOf(error: unknown): string {
  return storable(textOf(deepestOf(error)))
    .slice(0, MAX_DETAIL)
    .toWellFormed()
}

/** Codes of the TLS library begin like this. */
const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO|CRL_)/
const RULES: readonly (readonly [RegExp, NetworkFailure])[] = [
  [/^BLOCKED_ADDRESS$/, 'blocked'],
  [/^(ENOTFOUND|ENODATA|ESERVFAIL|EREFUSED|EBADNAME|ENONAME|EAI_\w+|EBADRESP|EFORMERR|ETIMEOUT)$/, 'dns'],
  [/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT|UND_ERR_ABORTED)$/, 'timeout'],
  [TLS_CODE, 'tls'],
  [/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EHOSTDOWN|EACCES|EPERM)$/, 'connect'],
  [/^(ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET)$/, 'reset'],
  [/^(HPE_|UND_ERR_|HTTPParserError$)/, 'protocol'],
]

/** Which kind of failure an error of the network is. */
export function failureOf(error: unknown): NetworkFailure {
  const deepest = deepestOf(error)
  // A name server that refuses the connection is not the receiver that does.
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
