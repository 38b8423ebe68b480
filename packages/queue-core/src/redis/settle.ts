import { levelNumber } from './layout.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './keys.ts'
import { isEarlier, type Fence } from '../model/fence.ts'
import type { Level } from '../model/levels.ts'
import { runScript, scripts } from './scripts.ts'
import { isWatched, passStep } from '../async/steps.ts'

/** What ends a lease. */
export interface Settlement {
  readonly verb: 'ack' | 'retry' | 'dead' | 'release' | 'lapse'
  readonly level: Level
  readonly fence: Fence
  readonly id: string
  readonly dedupe: boolean
  readonly orderingKey: string
  /** ack: '' or 'forget', the id is not remembered; retry: delay in ms; dead: evidence. */
  readonly first: string
  /** retry: the new meta. */
  readonly second: string
}

/** Settlements as the script takes them: acks of first deliveries by level, then all others. */
interface Packed {
  readonly args: readonly string[]
  /** `processed:<id>` of the acks that are deduplicated. */
  readonly markers: readonly string[]
  /** Position of each settlement in the caller's list, in the script's order. */
  readonly positions: readonly number[]
}

/** What became of settlements, by their positions. */
export interface SettleReply {
  /** Leases that were lost already. */
  readonly lost: ReadonlySet<number>
  /** Settlements that the server could not store, wholly or in part, and its errors. */
  readonly refused: ReadonlyMap<number, string>
  /** Whether the queue is paused. */
  readonly paused: boolean
}

type ScriptReply = [paused: number, lost: number[], refused: (number | string)[]]

/** Ends leases, each on its own: one that is lost or refused keeps no other from its end. */
export async function settle(
  connection: Connection,
  keys: Keys,
  fixed: readonly string[],
  owner: { readonly group: string; readonly consumer: string; readonly dedupeMs: number },
  settlements: readonly Settlement[],
): Promise<SettleReply> {
  const { args: packed, markers, positions } = pack(keys, settlements)
  const args = [owner.group, owner.consumer, String(owner.dedupeMs), ...packed]
  const scriptKeys = [...fixed, ...markers]
  passSettlements('storing', settlements)
  const reply = await runScript<ScriptReply>(connection, scripts.settle, scriptKeys, args)
  passSettlements('stored', settlements)
  const [paused, lost, refusals] = reply
  const refused = new Map<number, string>()
  for (let i = 0; i < refusals.length; i += 2)
    refused.set(positions[Number(refusals[i])] ?? -1, String(refusals[i + 1]))
  return { lost: new Set(lost.map((position) => positions[position] ?? -1)), refused, paused: paused === 1 }
}

function pack(keys: Keys, settlements: readonly Settlement[]): Packed {
  const acks: readonly [Acks, Acks, Acks] = [createAcks(), createAcks(), createAcks()]
  const others: string[] = []
  const markers: string[] = []
  const otherPositions: number[] = []
  for (const [index, settlement] of settlements.entries()) {
    const { verb, level, fence, id, dedupe, orderingKey, first, second } = settlement
    if (verb === 'ack' && orderingKey === '' && first === '' && fence.deliveryCount === 1) {
      addAck(acks[level], settlement, index)
      continue
    }
    others.push(verb, levelNumber(level), fence.entryId, String(fence.deliveryCount))
    others.push(id, dedupe ? '1' : '', orderingKey, first, second)
    if (verb === 'ack' && dedupe && first === '') markers.push(keys.processed(id))
    otherPositions.push(index)
  }
  const ids = acks.flatMap(({ marked }) => marked.ids)
  return {
    args: [...acks.flatMap(describeAcks), String(otherPositions.length), ...others],
    markers: [...ids.map(keys.processed), ...markers],
    positions: [
      ...acks.flatMap(({ marked, plain }) => [...marked.positions, ...plain.positions]),
      ...otherPositions,
    ],
  }
}

/** Acks of one level; the marked ones are deduplicated. */
interface Acks {
  readonly marked: { readonly entries: string[]; readonly positions: number[]; readonly ids: string[] }
  readonly plain: { readonly entries: string[]; readonly positions: number[] }
  lowest: string
  highest: string
}

function createAcks(): Acks {
  return {
    marked: { entries: [], positions: [], ids: [] },
    plain: { entries: [], positions: [] },
    lowest: '',
    highest: '',
  }
}

function addAck(acks: Acks, { fence: { entryId }, dedupe, id }: Settlement, position: number): void {
  const side = dedupe ? acks.marked : acks.plain
  side.entries.push(entryId)
  side.positions.push(position)
  if (dedupe) acks.marked.ids.push(id)
  if (acks.lowest === '' || isEarlier(entryId, acks.lowest)) acks.lowest = entryId
  if (acks.highest === '' || isEarlier(acks.highest, entryId)) acks.highest = entryId
}

function describeAcks({ marked, plain, lowest, highest }: Acks): string[] {
  const count = marked.entries.length + plain.entries.length
  if (count === 0) return ['0']
  const marks = String(marked.entries.length)
  return [String(count), lowest, highest, marks, ...marked.entries, ...plain.entries, ...marked.ids]
}

function passSettlements(stage: 'storing' | 'stored', settlements: readonly Settlement[]): void {
  if (!isWatched()) return
  for (const verb of ['ack', 'retry', 'dead', 'release'] as const) {
    if (settlements.some((settlement) => settlement.verb === verb))
      passStep(`queue.${verb}.${stage}`, () =>
        settlements.filter((settlement) => settlement.verb === verb).map(({ id }) => id),
      )
  }
}
