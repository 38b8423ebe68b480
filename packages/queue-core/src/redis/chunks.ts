import type { Connection } from './connection.ts'

/** Most words of one command, its name included: ElastiCache Serverless takes 3,999. */
const MAX_WORDS = 3_500
/** What a script has before and between its items: its name, keys and counts. */
const OVERHEAD = 50

/** Whether so many items of so many words each fit into one command. */
export function fit(count: number, words: number): boolean {
  return OVERHEAD + count * words <= MAX_WORDS
}

/**
 * Divides items, in their order, so that each chunk fits into one command. `wordsOf` returns at most how many words an item
 * takes there behind the one before it, which is undefined for the first of a chunk.
 */
export function inChunks<Item>(
  items: readonly Item[],
  wordsOf: (item: Item, previous: Item | undefined) => number,
): (readonly Item[])[] {
  const chunks: Item[][] = []
  let chunk: Item[] = []
  let words = OVERHEAD
  for (const item of items) {
    let more = wordsOf(item, chunk.at(-1))
    if (words + more > MAX_WORDS) {
      chunks.push(chunk)
      chunk = []
      words = OVERHEAD
      more = wordsOf(item, undefined)
    }
    chunk.push(item)
    words += more
  }
  return chunk.length === 0 ? chunks : [...chunks, chunk]
}

/** Reads the values of many names with a command that takes them at its end. */
export async function readMany(
  connection: Connection,
  command: readonly string[],
  names: readonly string[],
): Promise<(string | null)[]> {
  const replies = inChunks(names, () => 1).map((some) =>
    connection.send<(string | null)[]>([...command, ...some]),
  )
  return (await Promise.all(replies)).flat()
}
