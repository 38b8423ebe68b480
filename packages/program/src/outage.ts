import { chainOf, codeOf, messageOf, nameOf, propertyOf } from '@titan/payments'

/** Codes of a connection that is not there or broke, of the PostgreSQL driver, node-redis and the socket below them. */
const CONNECTION_CODES: ReadonlySet<string> = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
])

/**
 * SQLSTATE classes that pass by themselves: connection (08), read-only standby (25006), rollback (40),
 * resources such as a full disk (53), shutdown (57), system errors (58).
 */
const PASSING_STATE = /^(08|25006|40|53|57|58)/

/** Errors of node-redis about its connection, and of queue-core about a server that does not reply. */
const REDIS_NAMES =
  /^(Client(Offline|Closed)|DisconnectsClient|SocketClosedUnexpectedly|ConnectionTimeout|SocketTimeout|ReconnectStrategy|Timeout|Abort)Error$/
/** Replies of a Redis that is full, loading, demoted or without its majority. */
const REDIS_REPLIES =
  /^(BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|OOM|READONLY|TRYAGAIN|UNBLOCKED)\b/

/** Whether PostgreSQL or its connection is the reason of an error, and the same statement succeeds once it is back. */
export function isDatabaseOutage(error: unknown): boolean {
  const chain = chainOf(error)
  const deepest = chain.findLast((one) => codeOf(one) !== '')
  const code = codeOf(deepest)
  // Of a socket in the file system; a file that is missing is no outage.
  if (code === 'ENOENT') return propertyOf(deepest, 'syscall') === 'connect'
  if (CONNECTION_CODES.has(code)) return true
  return chain.some((one) => nameOf(one) === 'PostgresError') && PASSING_STATE.test(code)
}

/** Whether a store or the network is the reason of an error: expected while it is away, so that a stack says nothing. */
export function isOutage(error: unknown): boolean {
  return (
    isDatabaseOutage(error) ||
    chainOf(error).some(
      (one) =>
        REDIS_NAMES.test(nameOf(one)) || codeOf(one) === 'NO_REPLY' || REDIS_REPLIES.test(messageOf(one, 40)),
    )
  )
}
