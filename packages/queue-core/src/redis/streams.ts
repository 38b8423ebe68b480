import type { Connection } from './connection.ts'
import type { Entries } from './layout.ts'
import { isNoSuchKey, readMap, type MapReply } from './replies.ts'

// Looks into streams and their groups without changing them.

/** Reads the entries of a stream up to `to`, page by page. */
export async function* pagesOf(
  connection: Connection,
  stream: string,
  size: number,
  to = '+',
): AsyncGenerator<Entries> {
  let from = '-'
  for (;;) {
    const page = await connection.send<Entries>(['XRANGE', stream, from, to, 'COUNT', String(size)])
    if (page.length > 0) yield page
    const last = page.at(-1)
    if (last === undefined || page.length < size) return
    from = `(${last[0]}`
  }
}

/** Reads those of some entries that are still there. */
export async function entriesOf(
  connection: Connection,
  stream: string,
  ids: readonly string[],
): Promise<Entries> {
  return (await Promise.all(ids.map((id) => connection.send<Entries>(['XRANGE', stream, id, id])))).flat()
}

/** A claimed entry as its group knows it. */
export type PendingEntry = [id: string, consumer: string, idleMs: number, deliveryCount: number]

/** Reads the oldest pending entries of a consumer. */
export function pendingOf(
  connection: Connection,
  stream: string,
  group: string,
  consumer: string,
  count: number,
): Promise<PendingEntry[]> {
  return connection.send<PendingEntry[]>(['XPENDING', stream, group, '-', '+', String(count), consumer])
}

/** Asks XINFO for a list; it is empty while there is no stream. */
export async function infoOf(
  connection: Connection,
  args: readonly string[],
): Promise<Readonly<Record<string, unknown>>[]> {
  try {
    return (await connection.send<MapReply[]>(['XINFO', ...args])).map((reply) => readMap(reply))
  } catch (error) {
    if (isNoSuchKey(error)) return []
    throw error
  }
}

/** Reads the name of a stream's group and the last entry that it has delivered; undefined while there is no group. */
export async function groupOf(
  connection: Connection,
  stream: string,
): Promise<{ readonly name: string; readonly last: string } | undefined> {
  const [group] = await infoOf(connection, ['GROUPS', stream])
  return group && { name: String(group['name']), last: String(group['last-delivered-id']) }
}
