import { codeOf, messageOf, propertyOf } from '../model/text-of.ts'

// Reads replies of Redis: the texts of its errors and of its clients', which no other file matches, and the collections that RESP2 sends as
// flat lists and RESP3 as maps and pairs: https://redis.io/docs/latest/develop/reference/protocol-spec/

type IsReply = (error: unknown) => boolean

/** Tells an error reply by the code that it begins with. */
function hasCode(...codes: readonly string[]): IsReply {
  return (error) => {
    const message = messageOf(error)
    return codes.some((code) => message.startsWith(code) && !/\w/.test(message.charAt(code.length)))
  }
}

/** An error that the server sent: its text begins with a code in capitals. Errors of the system name a call. */
export const isReply: IsReply = (error) =>
  /^-?[A-Z][A-Z\d]+ /.test(messageOf(error)) && propertyOf(error, 'syscall') === undefined

/**
 * The client says that it did not send the command. Only texts that its libraries use for nothing else: node-redis when it
 * is closed, offline, told to give up a command that waits, or has no free connection in its pool.
 */
export const isNotSent: IsReply = (error) =>
  codeOf(error) === 'NOT_SENT' ||
  /^(The client is (closed|offline)$|The command was aborted$|Timeout waiting for a client )/.test(
    messageOf(error),
  )

/** The server does not know the script of this SHA-1. */
export const isNoScript: IsReply = hasCode('NOSCRIPT')
/** Another node serves the slot. */
export const isMoved: IsReply = hasCode('MOVED')
/** The server became a replica. */
export const isReadOnly: IsReply = hasCode('READONLY')
/** Makes the error of a replica: to a Sentinel client of node-redis the reason to ask who the master is. */
export const readOnlyError = (): Error => new Error('READONLY')
/** A blocking read ended early: the server became a replica, the stream is gone, or we asked for it. */
export const isUnblocked: IsReply = hasCode('UNBLOCKED')
/** The server has no memory left for a command that writes. */
export const isOutOfMemory: IsReply = hasCode('OOM')
/** The key holds a value of another type. */
export const isWrongType: IsReply = hasCode('WRONGTYPE')
/** The user may not run the command, or the host of the server has removed it. */
export const isForbidden: IsReply = hasCode('NOPERM', 'ERR unknown command')
/** The user may not run a command of a script; the server does not say which one. */
export const isForbiddenInScript: IsReply = (error) =>
  messageOf(error).includes('The user executing the script can')
/** Makes the error that names them. */
export const forbiddenInScript = (cause: unknown, commands: readonly string[]): Error =>
  new Error(`NOPERM The user may not run one of ${commands.join(', ')}: ${messageOf(cause)}`, { cause })
/** XINFO of a stream that does not exist. */
export const isNoSuchKey: IsReply = (error) => messageOf(error).includes('no such key')
/** The consumer group is missing: the server was flushed, or came back with older data. Lua may put a word in front. */
export const isNoGroup: IsReply = (error) => /\bNOGROUP /.test(messageOf(error))

/** Reads where to go from `MOVED <slot> <host>:<port>`; a node that does not know its host leaves that empty. */
export function movedTo(error: unknown): string | undefined {
  return /^MOVED \d+ ([^:].*:\d+)$/.exec(messageOf(error))?.[1]
}

/** A map: a flat list in RESP2. */
export type MapReply<Value = unknown> = readonly unknown[] | Readonly<Record<string, Value>>

/** Reads a map. */
export function readMap<Value = unknown>(reply: MapReply<Value>): Readonly<Record<string, Value>> {
  if (!Array.isArray(reply)) return reply as Readonly<Record<string, Value>>
  return Object.fromEntries(pairsOf(reply)) as Record<string, Value>
}

/** Entries by stream: pairs in RESP2, a map in RESP3, which ioredis hands on as a flat list; null when there are none. */
export type StreamsReply<Entries> = MapReply<Entries> | null

/** Reads entries by stream. */
export function readStreams<Entries>(reply: StreamsReply<Entries>): Readonly<Record<string, Entries>> {
  const isPairs = Array.isArray(reply) && Array.isArray(reply[0])
  return readMap<Entries>(isPairs ? (reply as unknown[]).flat() : (reply ?? {}))
}

/** Members of a sorted set with their scores: flat in RESP2, pairs in RESP3. */
export type ScoresReply = (string | number | [string, number])[]

/** Reads members with their scores. */
export function readScores(reply: ScoresReply): (readonly [member: string, score: number])[] {
  return pairsOf(reply.flat()).map(([member, score]) => [member, Number(score)])
}

function pairsOf(flat: readonly unknown[]): [key: string, value: unknown][] {
  return flat.flatMap((key, at) => (at % 2 === 0 ? [[String(key), flat[at + 1]]] : []))
}
