import { isWatched, passStep } from '../async/steps.ts'
import { isEarlier, type Fence } from '../model/fence.ts'
import { LEVELS, type Level } from '../model/levels.ts'
import { fit, inChunks } from './chunks.ts'
import { levelNumber } from './layout.ts'
import type { DeadLetterBounds } from '../model/options.ts'
import type { QueuePartition } from './partition.ts'
import { runScript } from './scripts.ts'

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
  /** retry: the new meta; dead: the bounds of dead letters, see {@link packBounds}. */
  readonly second: string
}

/** Bounds of dead letters as the scripts take them: most, longest age in ms, each '' without a limit; '' without both. */
export function packBounds(bounds: DeadLetterBounds | undefined): string {
  return bounds === undefined ? '' : `${bounds.maxCount ?? ''},${bounds.maxAgeMs ?? ''}`
}

/** What became of settlements, by their positions. */
export interface SettleReply {
  /** Leases that were lost already. */
  readonly lost: ReadonlySet<number>
  /** Settlements that the server could not store, wholly or in part, and its errors. */
  readonly refused: ReadonlyMap<number, string>
  /** Dead letters that were deleted because they are beyond the bounds. */
  readonly dropped: number
  /** Whether the queue is paused. */
  readonly paused: boolean
}

type ScriptReply = [paused: number, lost: number[], refused: (number | string)[], dropped: number]

type Item = [position: number, settlement: Settlement]

/** Acks of one level; the marked ones are deduplicated. */
interface Acks {
  readonly marked: Item[]
  readonly plain: Item[]
}

/** Divides items, each with a settlement, so that each chunk fits into one command of {@link settle}. */
export function settleChunksOf<Item extends { readonly settlement: Settlement }>(
  items: readonly Item[],
): (readonly Item[])[] {
  if (fit(items.length, OTHER_WORDS)) return [items]
  return inChunks(items, ({ settlement }) => (isSimpleAck(settlement) ? ACK_WORDS : OTHER_WORDS))
}

/** Words of an ack of a first delivery, and of any other settlement, with the key of the id. */
const [ACK_WORDS, OTHER_WORDS] = [3, 10]

/** Ends leases, each on its own: one that is lost or refused keeps no other from its end. */
export async function settle(
  part: QueuePartition,
  owner: { readonly group: string; readonly consumer: string; readonly dedupeMs: number },
  settlements: readonly Settlement[],
): Promise<SettleReply> {
  const acks: readonly Acks[] = LEVELS.map(() => ({ marked: [], plain: [] }))
  const others: Item[] = []
  for (const item of settlements.entries()) {
    const { level, dedupe } = item[1]
    if (isSimpleAck(item[1])) acks[level]?.[dedupe ? 'marked' : 'plain'].push(item)
    else others.push(item)
  }
  const args = [owner.group, owner.consumer, String(owner.dedupeMs)]
  args.push(...acks.flatMap(packAcks), ...packOthers(others))
  const marked = [...acks.flatMap((side) => side.marked), ...others.filter(isMarked)]
  const moreKeys = marked.map(([, { id }]) => part.keys.processed(id))
  passSettlements('storing', settlements)
  const [paused, lost, refusals, dropped] = await runScript<ScriptReply>(part, 'settle', args, { moreKeys })
  passSettlements('stored', settlements)
  // The script counts positions in the order of its arguments.
  const isAllStored = lost.length === 0 && refusals.length === 0
  const order = isAllStored ? [] : [...acks.flatMap((side) => [...side.marked, ...side.plain]), ...others]
  const positionOf = (at: unknown): number => order[Number(at)]?.[0] ?? -1
  const refused = new Map<number, string>()
  for (let i = 0; i < refusals.length; i += 2) refused.set(positionOf(refusals[i]), String(refusals[i + 1]))
  return { lost: new Set(lost.map(positionOf)), refused, dropped, paused: paused === 1 }
}

/** Acks of first deliveries have a separate form, so that the script ends all of a level at once. */
function isSimpleAck({ verb, orderingKey, first, fence }: Settlement): boolean {
  return verb === 'ack' && orderingKey === '' && first === '' && fence.deliveryCount === 1
}

function isMarked([, { verb, dedupe, first }]: Item): boolean {
  return verb === 'ack' && dedupe && first === ''
}

function packAcks({ marked, plain }: Acks): string[] {
  const entries = [...marked, ...plain].map(([, { fence }]) => fence.entryId)
  let [lowest = '', highest = lowest] = entries
  for (const entryId of entries) {
    if (isEarlier(entryId, lowest)) lowest = entryId
    if (isEarlier(highest, entryId)) highest = entryId
  }
  if (entries.length === 0) return ['0']
  const ids = marked.map(([, { id }]) => id)
  return [String(entries.length), lowest, highest, String(marked.length), ...entries, ...ids]
}

function packOthers(items: readonly Item[]): string[] {
  const args = [String(items.length)]
  for (const [, { verb, level, fence, id, dedupe, orderingKey, first, second }] of items) {
    args.push(verb, levelNumber(level), fence.entryId, String(fence.deliveryCount))
    args.push(id, dedupe ? '1' : '', orderingKey, first, second)
  }
  return args
}

function passSettlements(stage: 'storing' | 'stored', settlements: readonly Settlement[]): void {
  if (!isWatched()) return
  for (const verb of ['ack', 'retry', 'dead', 'release'] as const) {
    const ids = settlements.filter((settlement) => settlement.verb === verb).map(({ id }) => id)
    if (ids.length > 0) passStep(`queue.${verb}.${stage}`, () => ids)
  }
}
