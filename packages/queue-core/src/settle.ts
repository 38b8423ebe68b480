import { scriptLevel, within } from './broker.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './keys.ts'
import { isEarlier, type Fence } from './lease.ts'
import { LEVELS, type Level } from './levels.ts'
import { runScript, scripts } from './scripts.ts'
import { isWatched, passStep } from './steps.ts'

/** What ends a lease. */
export interface Verdict {
  readonly verb: 'ack' | 'retry' | 'dead' | 'release'
  readonly level: Level
  readonly fence: Fence
  readonly id: string
  readonly dedupe: boolean
  readonly orderingKey: string
  /** retry: delay in ms; dead: evidence. */
  readonly first: string
  /** retry: the new meta. */
  readonly second: string
}

/** Verdicts as the script takes them: plain acks of first deliveries by level, then all others. */
interface Packed {
  readonly acks: readonly string[][]
  readonly others: readonly string[]
  readonly otherCount: number
  /** `processed:<id>` of the acks that are deduplicated. */
  readonly markers: readonly string[]
  /** Position of each verdict in the caller's list, in the script's order. */
  readonly positions: readonly number[]
}

/** What became of verdicts, by their positions. */
export interface SettleReply {
  /** Leases that were lost already. */
  readonly lost: ReadonlySet<number>
  /** Verdicts that the server could not store, wholly or in part, and its errors. */
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
  verdicts: readonly Verdict[],
): Promise<SettleReply> {
  const { acks, others, otherCount, markers, positions } = pack(keys, verdicts)
  const args = [owner.group, owner.consumer, String(owner.dedupeMs)]
  for (const ids of acks) args.push(String(ids.length), ...ids)
  args.push(String(otherCount), ...others)
  const scriptKeys = [...fixed, ...markers]
  passVerdicts('storing', verdicts)
  const reply = await runScript<ScriptReply>(connection, scripts.settle, scriptKeys, args, within)
  passVerdicts('stored', verdicts)
  const [paused, lost, refusals] = reply
  const refused = new Map<number, string>()
  for (let i = 0; i < refusals.length; i += 2)
    refused.set(positions[Number(refusals[i])] ?? -1, String(refusals[i + 1]))
  return { lost: new Set(lost.map((position) => positions[position] ?? -1)), refused, paused: paused === 1 }
}

function pack(keys: Keys, verdicts: readonly Verdict[]): Packed {
  const acks: [string[], string[], string[]] = [[], [], []]
  const order: [number[], number[], number[], number[]] = [[], [], [], []]
  const others: string[] = []
  const markers: string[] = []
  for (const [index, verdict] of verdicts.entries()) {
    const { verb, level, fence, id, dedupe, orderingKey, first, second } = verdict
    if (isPlainAck(verdict)) {
      acks[level].push(fence.entryId)
      order[level].push(index)
      continue
    }
    others.push(verb, scriptLevel(level), fence.entryId, String(fence.deliveryCount))
    others.push(id, dedupe ? '1' : '', orderingKey, first, second)
    if (verb === 'ack' && dedupe) markers.push(keys.processed(id))
    order[3].push(index)
  }
  for (const level of LEVELS) spanOut(acks[level], order[level])
  return { acks, others, otherCount: order[3].length, markers, positions: order.flat() }
}

function passVerdicts(moment: 'storing' | 'stored', verdicts: readonly Verdict[]): void {
  if (!isWatched()) return
  for (const verb of ['ack', 'retry', 'dead', 'release'] as const) {
    if (verdicts.some((verdict) => verdict.verb === verb))
      passStep(`queue.${verb}.${moment}`, () =>
        verdicts.filter((verdict) => verdict.verb === verb).map(({ id }) => id),
      )
  }
}

function isPlainAck({ verb, dedupe, orderingKey, fence }: Verdict): boolean {
  return verb === 'ack' && !dedupe && orderingKey === '' && fence.deliveryCount === 1
}

/** Swaps the lowest id to the front and the highest to the end: the range that the script asks for. */
function spanOut(ids: string[], order: number[]): void {
  const swap = (a: number, b: number): void => {
    ;[ids[a], ids[b]] = [ids[b] ?? '', ids[a] ?? '']
    ;[order[a], order[b]] = [order[b] ?? 0, order[a] ?? 0]
  }
  let lowest = 0
  for (let i = 1; i < ids.length; i++) if (isEarlier(ids[i] ?? '', ids[lowest] ?? '')) lowest = i
  if (lowest > 0) swap(0, lowest)
  let highest = ids.length - 1
  for (let i = 1; i < ids.length - 1; i++) if (isEarlier(ids[highest] ?? '', ids[i] ?? '')) highest = i
  if (highest < ids.length - 1) swap(ids.length - 1, highest)
}
