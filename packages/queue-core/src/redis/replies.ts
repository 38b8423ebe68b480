import { messageOf } from '../model/text-of.ts'

// Reads replies of Redis: the texts of its errors, which no other file matches, and the collections that RESP2 sends as
// flat lists and RESP3 as maps and pairs: https://redis.io/docs/latest/develop/reference/protocol-spec/

/** The consumer group is missing: the server was flushed, or came back with older data. Lua may put a word in front. */
export function isNoGroup(error: unknown): boolean {
  return /\bNOGROUP /.test(messageOf(error))
}

/** The server does not know the script of this SHA-1. */
export function isNoScript(error: unknown): boolean {
  return hasCode(error, 'NOSCRIPT')
}

/** Another node serves the slot. */
export function isMoved(error: unknown): boolean {
  return hasCode(error, 'MOVED')
}

/** Reads where to go from `MOVED <slot> <host>:<port>`; a node that does not know its host leaves that empty. */
export function movedTo(error: unknown): string | undefined {
  return /^MOVED \d+ ([^:].*:\d+)$/.exec(messageOf(error))?.[1]
}

/** The server became a replica. */
export function isReadOnly(error: unknown): boolean {
  return hasCode(error, 'READONLY')
}

/** A blocking read ended early: the server became a replica, the stream is gone, or we asked for it. */
export function isUnblocked(error: unknown): boolean {
  return hasCode(error, 'UNBLOCKED')
}

/** The server has no memory left for a command that writes. */
export function isOutOfMemory(error: unknown): boolean {
  return hasCode(error, 'OOM')
}

/** The key holds a value of another type. */
export function isWrongType(error: unknown): boolean {
  return hasCode(error, 'WRONGTYPE')
}

/** XINFO of a stream that does not exist. */
export function isNoSuchKey(error: unknown): boolean {
  return messageOf(error).includes('no such key')
}

/** The user may not run the command, or the host of the server has removed it. */
export function isForbidden(error: unknown): boolean {
  return hasCode(error, 'NOPERM') || hasCode(error, 'ERR unknown command')
}

/** An error reply begins with its code. */
function hasCode(error: unknown, code: string): boolean {
  const message = messageOf(error)
  return message.startsWith(code) && !/\w/.test(message.charAt(code.length))
}

/** A map: a flat list in RESP2. */
export type MapReply<Value = unknown> = readonly unknown[] | Readonly<Record<string, Value>>

/** Reads a map. */
export function readMap<Value = unknown>(reply: MapReply<Value>): Readonly<Record<string, Value>> {
  if (!Array.isArray(reply)) return reply as Readonly<Record<string, Value>>
  const pairs = reply.flatMap((key, at) => (at % 2 === 0 ? [[String(key), reply[at + 1]]] : []))
  return Object.fromEntries(pairs) as Record<string, Value>
}

/** Members of a sorted set with their scores: flat in RESP2, pairs in RESP3. */
export type ScoresReply = (string | number | [string, number])[]

/** Reads members with their scores. */
export function readScores(reply: ScoresReply): (readonly [member: string, score: number])[] {
  const flat = reply.flat()
  return flat.flatMap((member, at) => (at % 2 === 0 ? [[String(member), Number(flat[at + 1])] as const] : []))
}
