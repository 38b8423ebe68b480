import { scriptLevel } from './broker.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './keys.ts'
import type { Level } from './levels.ts'
import { runScript, runScriptInOrder, scripts } from './scripts.ts'

/** A job on its way to Redis. `due`: '' ready, '+n' in n ms, 'n' at epoch ms. */
export interface Entry {
  readonly level: Level
  readonly name: string
  readonly data: string
  /** Absent for a plain job: no id, no meta, ready at once. */
  readonly full?: FullEntry
}

interface FullEntry {
  readonly id: string
  readonly dedupe: boolean
  readonly due: string
  readonly orderingKey: string
  readonly meta: string
  /** The dead letter that becomes this job. */
  readonly letter?: string
}

/** '+' added, '=' duplicate, '!' queue full, '?' no such dead letter; else the id of the new entry. */
export type EnqueueReply = string

/** A job that is not plain, and where it is in the caller's list. */
interface Other {
  readonly index: number
  readonly entry: Entry
  readonly full: FullEntry
}

/** Jobs as the script takes them. */
interface Packed {
  readonly args: string[]
  /** `processed:<id>` of the jobs that are deduplicated. */
  readonly markers: readonly string[]
  /** Position of each reply in the caller's list; undefined when they are in its order. */
  readonly positions: readonly number[] | undefined
}

/** Adds jobs in one step; the replies are in the order of the entries. `maxLength` 0: no limit. */
export async function enqueue(
  connection: Connection,
  keys: Keys,
  fixed: readonly string[],
  maxLength: number,
  entries: readonly Entry[],
): Promise<EnqueueReply[]> {
  const [first] = entries
  if (entries.length === 1 && first !== undefined && first.full === undefined && maxLength === 0)
    return [await addPlain(connection, keys, first)]
  const { args, markers, positions } = pack(keys, maxLength, entries)
  const scriptKeys = markers.length === 0 ? fixed : [...fixed, ...markers]
  // One string instead of one per job: it is cheaper to make, to send and to read.
  const run = entries.some(({ full }) => (full?.orderingKey ?? '') !== '') ? runScriptInOrder : runScript
  const text = await run<string>(connection, scripts.enqueue, scriptKeys, args)
  const replies = text.split(' ')
  if (positions === undefined) return replies
  const ordered: string[] = []
  for (const [at, position] of positions.entries()) ordered[position] = replies[at] ?? ''
  return ordered
}

/** What the script would do with a single plain job, without the script: it costs the server more than the `XADD`. */
function addPlain(connection: Connection, keys: Keys, { level, name, data }: Entry): Promise<EnqueueReply> {
  return connection.send<string>(['XADD', keys.streams[level], '*', 'n', name, 'd', data])
}

function pack(keys: Keys, maxLength: number, entries: readonly Entry[]): Packed {
  const others: Other[] = []
  const positions: number[] = []
  const plain = packPlain(entries, positions, others)
  const markers = others.flatMap(({ full }) => (full.dedupe ? [keys.processed(full.id)] : []))
  const args = [String(maxLength), ...plain]
  if (others.every(isReadyWithId)) args.push(...packReady(others), '0')
  else args.push('0', ...packOthers(others))
  if (others.length === 0 || positions.length === 0) return { args, markers, positions: undefined }
  return { args, markers, positions: [...positions, ...others.map(({ index }) => index)] }
}

/** Runs of plain jobs of one level and name. Notes where they are in the list, and which ones are not plain. */
function packPlain(entries: readonly Entry[], positions: number[], others: Other[]): string[] {
  const args = ['']
  let runs = 0
  let last: Entry | undefined
  let countAt = 0
  let count = 0
  for (const [index, entry] of entries.entries()) {
    const { level, name, data, full } = entry
    if (full !== undefined) {
      others.push({ index, entry, full })
      continue
    }
    if (last?.name !== name || last.level !== level) {
      countAt = args.push(scriptLevel(level), name, '') - 1
      count = 0
      runs++
      last = entry
    }
    args.push(data)
    args[countAt] = String(++count)
    positions.push(index)
  }
  args[0] = String(runs)
  return args
}

/** What only has to be looked up and stored, so that the script can do it for all such jobs at once. */
function isReadyWithId({ full: { dedupe, due, orderingKey, letter } }: Other): boolean {
  return dedupe && due === '' && orderingKey === '' && letter === undefined
}

function packReady(jobs: readonly Other[]): string[] {
  const args = [String(jobs.length), ...jobs.map(({ full }) => full.id)]
  for (const { entry, full } of jobs) args.push(scriptLevel(entry.level), entry.name, full.meta, entry.data)
  return args
}

function packOthers(jobs: readonly Other[]): string[] {
  const args = [String(jobs.length)]
  for (const { entry, full } of jobs) {
    const { id, dedupe, due, orderingKey, meta, letter = '' } = full
    args.push(scriptLevel(entry.level), id, dedupe ? '1' : '', due, orderingKey, entry.name, meta, entry.data)
    args.push(letter)
  }
  return args
}
