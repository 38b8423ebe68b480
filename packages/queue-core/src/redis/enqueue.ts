import type { Level } from '../model/levels.ts'
import { fit, inChunks } from './chunks.ts'
import { levelNumber } from './layout.ts'
import type { QueuePartition } from './partition.ts'
import { runScript } from './scripts.ts'

/** A job on its way to Redis. */
export interface Entry {
  readonly level: Level
  readonly name: string
  readonly data: string
  /** Absent for a plain job: no id, no meta, ready at once. */
  readonly full?: FullEntry | undefined
}

interface FullEntry {
  readonly id: string
  readonly dedupe: boolean
  /** '' ready, '+n' in n ms, 'n' at epoch ms. */
  readonly due: string
  readonly orderingKey: string
  readonly meta: string
  /** The dead letter that becomes this job. */
  readonly letter?: string
}

/** '+' added, '=' duplicate, '!' queue full, '?' no such dead letter; else the id of the new entry. */
export type EnqueueReply = string

/** Divides items, each with the entry of a job, so that each chunk fits into one command of {@link enqueue}. */
export function chunksOf<Item extends { readonly entry: Entry }>(
  items: readonly Item[],
): (readonly Item[])[] {
  if (fit(items.length, OTHER_WORDS)) return [items]
  const plain = items.filter(({ entry }) => entry.full === undefined).length
  if (plain === items.length)
    return inChunks(items, ({ entry: { level, name } }, last) =>
      last?.entry.name === name && last.entry.level === level ? 1 : PLAIN_WORDS,
    )
  const words = plain === 0 && items.every(({ entry }) => isReadyWithId(entry)) ? READY_WORDS : OTHER_WORDS
  return inChunks(items, () => words)
}

/** Words of a plain job that begins a run; of one with its id and the key of that id; of any other one. */
const [PLAIN_WORDS, READY_WORDS, OTHER_WORDS] = [4, 6, 10]

/** Adds jobs in one step; the replies are in the order of the entries. `maxLength` 0: no limit. */
export async function enqueue(
  part: QueuePartition,
  maxLength: number,
  entries: readonly Entry[],
): Promise<EnqueueReply[]> {
  const [first] = entries
  if (entries.length === 1 && first !== undefined && first.full === undefined && maxLength === 0) {
    // What the script would do with a single plain job, at less cost to the server.
    const { level, name, data } = first
    return [await part.connection.send(['XADD', part.keys.streams[level], '*', 'n', name, 'd', data])]
  }
  const plain = entries.filter(({ full }) => full === undefined)
  // Side by side they go one by one, so that each gets its place in the order of the caller.
  const isMixed = plain.length > 0 && plain.length < entries.length
  const jobs = plain.length === entries.length ? [] : entries
  const args = [String(maxLength), ...packPlain(isMixed ? [] : plain)]
  if (jobs.every(isReadyWithId)) args.push(...packReady(jobs), '0')
  else args.push('0', ...packOthers(jobs))
  const moreKeys = jobs.flatMap(({ full }) => (full?.dedupe === true ? [part.keys.processed(full.id)] : []))
  const inOrder = jobs.some(({ full = PLAIN }) => full.orderingKey !== '')
  // One string instead of one per job: it is cheaper to make, to send and to read.
  return (await runScript<string>(part, 'enqueue', args, { moreKeys, inOrder })).split(' ')
}

/** A plain job among others. */
const PLAIN: FullEntry = { id: '', dedupe: false, due: '', orderingKey: '', meta: '' }

/** Runs of plain jobs of one level and name. */
function packPlain(entries: readonly Entry[]): string[] {
  const args = ['']
  let runs = 0
  let last: Entry | undefined
  let countAt = 0
  let count = 0
  for (const entry of entries) {
    const { level, name, data } = entry
    if (last?.name !== name || last.level !== level) {
      countAt = args.push(levelNumber(level), name, '') - 1
      count = 0
      runs++
      last = entry
    }
    args.push(data)
    args[countAt] = String(++count)
  }
  args[0] = String(runs)
  return args
}

/** What only has to be looked up and stored, so that the script can do it for all such jobs at once. */
function isReadyWithId({ full = PLAIN }: Entry): boolean {
  return full.dedupe && full.due === '' && full.orderingKey === '' && full.letter === undefined
}

function packReady(jobs: readonly Entry[]): string[] {
  const args = [String(jobs.length), ...jobs.map(({ full = PLAIN }) => full.id)]
  for (const { level, name, data, full = PLAIN } of jobs) args.push(levelNumber(level), name, full.meta, data)
  return args
}

function packOthers(jobs: readonly Entry[]): string[] {
  const args = [String(jobs.length)]
  for (const { level, name, data, full = PLAIN } of jobs) {
    const { id, dedupe, due, orderingKey, meta, letter = '' } = full
    args.push(levelNumber(level), id, dedupe ? '1' : '', due, orderingKey, name, meta, data, letter)
  }
  return args
}
