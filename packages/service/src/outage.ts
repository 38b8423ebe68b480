import { chainOf, codeOf, messageOf, nameOf, propertyOf } from '@titan/queue-core/text-of'

/**
 * Codes of a connection that is not there or broke, of the PostgreSQL driver, node-redis and the socket below them, and of
 * calls that wait too long a line for PostgreSQL.
 */
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
  'NO_PRIMARY',
  'OVERLOADED',
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

/** What can be done about a refusal of PostgreSQL, by SQLSTATE. */
const ADVICE: Readonly<Record<string, string>> = {
  '25006': 'point DATABASE_URL at the primary, which accepts writes',
  '3F000': 'set the search_path of the role to a schema that exists',
  '42501':
    'grant it, or run `titan migrate` as the owner of the tables and start the programs with MIGRATE=false',
}
/** SQLSTATEs of a server that is not as it must be, as opposed to a statement that is not. */
const UNSUITABLE_STATE = /^(08|25|28|3D|3F|40|42501|53|54|55|57|58)/
const REPLY_NAMES = /^(Blob|Simple)?Error(Reply)?$/

/** What can be said in one line of an error of a store, where its stack says nothing; undefined for any other error. */
export function explainStore(error: unknown): string | undefined {
  const chain = chainOf(error)
  const refusal = chain.find((one) => nameOf(one) === 'PostgresError')
  const code = codeOf(refusal)
  if (refusal !== undefined && UNSUITABLE_STATE.test(code)) {
    const advice = ADVICE[code]
    return `PostgreSQL refused: ${messageOf(refusal)} (${code})${advice === undefined ? '' : `; ${advice}`}`
  }
  if (isDatabaseOutage(error)) return `connection to PostgreSQL lost: ${messageOf(chain.at(-1))}`
  const reply = chain.find((one) => REPLY_NAMES.test(nameOf(one)) && /^[A-Z]{2,} /.test(messageOf(one)))
  if (reply !== undefined) return `Redis refused: ${messageOf(reply)}${adviceOn(messageOf(reply))}`
  if (chain.some((one) => REDIS_NAMES.test(nameOf(one))))
    return `connection to Redis lost: ${messageOf(error)}`
  return chain.some((one) => nameOf(one) === 'QueueError') ? messageOf(error) : undefined
}

function adviceOn(reply: string): string {
  if (/^(MOVED|ASK) /.test(reply)) return '; it is a node of a cluster: write REDIS_URL as redis+cluster://'
  if (reply.startsWith('CROSSSLOT '))
    return '; keys of one BullMQ queue are in one slot of a cluster only where the prefix is in braces'
  return reply.startsWith('READONLY ') ? '; point REDIS_URL at the primary' : ''
}
