import { scriptLevel } from './broker.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './keys.ts'
import type { Level } from './levels.ts'
import { runScript, scripts } from './scripts.ts'

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
  readonly guard?: readonly ['dlq' | 'slot', subject: string, value: string]
}

/** '+' added, '=' duplicate, '!' queue full, '?' guard refused; else the id of the new entry. */
export type EnqueueReply = string

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
  const { args, markers, positions } = pack(keys, maxLength, entries)
  const scriptKeys = markers.length === 0 ? fixed : [...fixed, ...markers]
  // One string instead of one per job: it is cheaper to make, to send and to read.
  const text = await runScript<string>(connection, scripts.enqueue, scriptKeys, args)
  const replies = text.split(' ')
  if (positions === undefined) return replies
  const ordered: string[] = []
  for (const [at, position] of positions.entries()) ordered[position] = replies[at] ?? ''
  return ordered
}

function pack(keys: Keys, maxLength: number, entries: readonly Entry[]): Packed {
  const args = [String(maxLength), '']
  const others: { index: number; entry: Entry; full: FullEntry }[] = []
  const positions: number[] = []
  let runs = 0
  let run: { level: Level; name: string; at: number; count: number } | undefined
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index]
    if (entry === undefined) continue
    const { level, name, data, full } = entry
    if (full !== undefined) {
      others.push({ index, entry, full })
      continue
    }
    if (run === undefined || run.name !== name || run.level !== level) {
      endRun()
      run = { level, name, at: args.length + 2, count: 0 }
      runs++
      args.push(scriptLevel(level), name, '')
    }
    run.count++
    args.push(data)
    positions.push(index)
  }
  endRun()
  args[1] = String(runs)

  function endRun(): void {
    if (run !== undefined) args[run.at] = String(run.count)
  }

  const markers = others.flatMap(({ full }) => (full.dedupe ? [keys.processed(full.id)] : []))
  const areSimple = others.every(({ full }) => isReadyWithId(full))
  args.push(areSimple ? String(others.length) : '0')
  if (areSimple) {
    for (const { full } of others) args.push(full.id)
    for (const { entry, full } of others)
      args.push(scriptLevel(entry.level), entry.name, full.meta, entry.data)
    args.push('0')
  } else {
    args.push(String(others.length))
    for (const { entry, full } of others) {
      const { id, dedupe, due, orderingKey, meta, guard } = full
      args.push(
        scriptLevel(entry.level),
        id,
        dedupe ? '1' : '',
        due,
        orderingKey,
        entry.name,
        meta,
        entry.data,
      )
      args.push(...(guard ?? ['', '', '']))
    }
  }
  if (others.length === 0 || others.length === entries.length) return { args, markers, positions: undefined }
  return { args, markers, positions: [...positions, ...others.map(({ index }) => index)] }
}

/** What only has to be looked up and stored, so that the script can do it for all such jobs at once. */
function isReadyWithId({ dedupe, due, orderingKey, guard }: FullEntry): boolean {
  return dedupe && due === '' && orderingKey === '' && guard === undefined
}
