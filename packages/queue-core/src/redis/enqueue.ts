import { levelNumber } from './layout.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './keys.ts'
import type { Level } from '../model/levels.ts'
import { runScript, runScriptInOrder, scripts } from './scripts.ts'

/** A job on its way to Redis. `due`: '' ready, '+n' in n ms, 'n' at epoch ms. */
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
  readonly due: string
  readonly orderingKey: string
  readonly meta: string
  /** The dead letter that becomes this job. */
  readonly letter?: string
}

/** '+' added, '=' duplicate, '!' queue full, '?' no such dead letter; else the id of the new entry. */
export type EnqueueReply = string

/** A job that goes to the script one by one. */
interface Other {
  readonly entry: Entry
  readonly full: FullEntry
}

/** Jobs as the script takes them. */
interface Packed {
  readonly args: string[]
  /** `processed:<id>` of the jobs that are deduplicated. */
  readonly markers: readonly string[]
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
  const { args, markers } = pack(keys, maxLength, entries)
  const scriptKeys = markers.length === 0 ? fixed : [...fixed, ...markers]
  // One string instead of one per job: it is cheaper to make, to send and to read.
  const run = entries.some(({ full }) => (full?.orderingKey ?? '') !== '') ? runScriptInOrder : runScript
  const text = await run<string>(connection, scripts.enqueue, scriptKeys, args)
  return text.split(' ')
}

/** What the script would do with a single plain job, without the script: it costs the server more than the `XADD`. */
function addPlain(connection: Connection, keys: Keys, { level, name, data }: Entry): Promise<EnqueueReply> {
  return connection.send<string>(['XADD', keys.streams[level], '*', 'n', name, 'd', data])
}

function pack(keys: Keys, maxLength: number, entries: readonly Entry[]): Packed {
  const plain = entries.filter(({ full }) => full === undefined)
  // Side by side they go one by one, so that each gets its place in the order of the caller.
  const isMixed = plain.length > 0 && plain.length < entries.length
  const others = entries.flatMap((entry): Other[] => {
    const full = entry.full ?? (isMixed ? PLAIN : undefined)
    return full === undefined ? [] : [{ entry, full }]
  })
  const markers = others.flatMap(({ full }) => (full.dedupe ? [keys.processed(full.id)] : []))
  const args = [String(maxLength), ...packPlain(isMixed ? [] : plain)]
  if (others.every(isReadyWithId)) args.push(...packReady(others), '0')
  else args.push('0', ...packOthers(others))
  return { args, markers }
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
function isReadyWithId({ full: { dedupe, due, orderingKey, letter } }: Other): boolean {
  return dedupe && due === '' && orderingKey === '' && letter === undefined
}

function packReady(jobs: readonly Other[]): string[] {
  const args = [String(jobs.length), ...jobs.map(({ full }) => full.id)]
  for (const { entry, full } of jobs) args.push(levelNumber(entry.level), entry.name, full.meta, entry.data)
  return args
}

function packOthers(jobs: readonly Other[]): string[] {
  const args = [String(jobs.length)]
  for (const { entry, full } of jobs) {
    const { id, dedupe, due, orderingKey, meta, letter = '' } = full
    args.push(levelNumber(entry.level), id, dedupe ? '1' : '', due, orderingKey, entry.name, meta, entry.data)
    args.push(letter)
  }
  return args
}
