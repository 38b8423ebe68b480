import type { Connection } from './connection.ts'
import type { Entries } from './layout.ts'
import { isNoSuchKey, readMap, type MapReply } from './replies.ts'

/** A claimed entry as its group knows it. */
export type PendingEntry = [id: string, consumer: string, idleMs: number, deliveryCount: number]

/** Looks into a stream and its group without changing them. */
export class StreamReader {
  readonly #connection: Connection
  readonly #key: string

  constructor(connection: Connection, key: string) {
    this.#connection = connection
    this.#key = key
  }

  /** Reads up to `count` entries from one id to another, both included unless they begin with `(`. */
  range(from: string, to: string, count: number): Promise<Entries> {
    return this.#connection.send(['XRANGE', this.#key, from, to, 'COUNT', String(count)])
  }

  /** Reads the entries up to `to`, page by page. */
  async *pages(size: number, to = '+'): AsyncGenerator<Entries> {
    let from = '-'
    for (;;) {
      const page = await this.range(from, to, size)
      if (page.length > 0) yield page
      const last = page.at(-1)
      if (last === undefined || page.length < size) return
      from = `(${last[0]}`
    }
  }

  /** Reads those of some entries that are still there. */
  async entries(ids: readonly string[]): Promise<Entries> {
    return (await Promise.all(ids.map((id) => this.range(id, id, 1)))).flat()
  }

  /** Reads the name of the group and the last entry that it has delivered; undefined while there is no group. */
  async group(): Promise<{ readonly name: string; readonly last: string } | undefined> {
    const [group] = await this.#info('GROUPS')
    return group && { name: String(group['name']), last: String(group['last-delivered-id']) }
  }

  /** Reads the consumers of the group. */
  async consumers(): Promise<{ readonly name: string; readonly leases: number; readonly idleMs: number }[]> {
    const group = await this.group()
    const consumers = group === undefined ? [] : await this.#info('CONSUMERS', group.name)
    return consumers.map(({ name, pending, idle }) => {
      return { name: String(name), leases: Number(pending), idleMs: Number(idle) }
    })
  }

  /** Reads the oldest pending entries of a consumer. */
  pending(group: string, consumer: string, count: number): Promise<PendingEntry[]> {
    return this.#connection.send(['XPENDING', this.#key, group, '-', '+', String(count), consumer])
  }

  /** Reads an entry as its group knows it; undefined when it is not pending. */
  async lease(group: string, id: string): Promise<PendingEntry | undefined> {
    const [lease] = await this.#connection.send<PendingEntry[]>(['XPENDING', this.#key, group, id, id, '1'])
    return lease
  }

  /** Asks XINFO for a list; it is empty while there is no stream. */
  async #info(what: string, ...args: readonly string[]): Promise<Readonly<Record<string, unknown>>[]> {
    try {
      const reply = await this.#connection.send<MapReply[]>(['XINFO', what, this.#key, ...args])
      return reply.map((item) => readMap(item))
    } catch (error) {
      if (isNoSuchKey(error)) return []
      throw error
    }
  }
}
