import type { Connection } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { LeaseTable } from './lease-table.ts'
import { isEarlier } from '../model/fence.ts'
import { startLoop, type Loop } from '../async/loop.ts'
import { defaults } from '../model/options.ts'

type Entries = [id: string, fields: string[]][]

/** Returns the id of the newest signal. A worker that reads it first misses no later one. */
export async function newestSignal(connection: Connection, keys: Keys): Promise<string> {
  const entries = await connection.send<Entries>(['XREVRANGE', keys.control, '+', '-', 'COUNT', '1'])
  return entries[0]?.[0] ?? '0-0'
}

/** What a worker does on signals, apart from a pause. */
export interface SignalListener {
  /** A job is due earlier than any before. */
  readonly onDue: () => void
  /** Jobs were released. */
  readonly onReleased: () => void
}

/** Listens for signals to all workers after `lastId`: paused, resumed, an earlier due time, released jobs. */
export function startSignals(
  { part, pauseState, emit }: Pick<LeaseTable, 'part' | 'pauseState' | 'emit'>,
  connection: Connection,
  lastId: string,
  { onDue, onReleased }: SignalListener,
): Loop {
  const { keys } = part

  async function runOnce(): Promise<number> {
    const reply = await connection.send<[string, Entries][] | Record<string, Entries> | null>(
      ['XREAD', 'COUNT', '64', 'BLOCK', String(defaults.blockMs), 'STREAMS', keys.control, lastId],
      { replyWithinMs: defaults.blockMs * 2 + 5_000 },
    )
    // RESP2 answers with pairs, RESP3 with a map.
    const streams = Array.isArray(reply) ? reply.map(([, entries]) => entries) : Object.values(reply ?? {})
    const entries = streams.flat()
    if (entries.length === 0) await catchUp()
    for (const [id, fields] of entries) {
      lastId = id
      act(fields[1] ?? '')
    }
    return 0
  }

  /** A stream that was deleted while the clock was set back begins again below the last id, and would stay unheard. */
  async function catchUp(): Promise<void> {
    const newest = await newestSignal(connection, keys)
    if (newest === '0-0' || !isEarlier(newest, lastId)) return
    lastId = newest
    onDue()
    onReleased()
  }

  function act(signal: string): void {
    if (signal === 'paused' || signal === 'resumed') pauseState.signal(signal === 'paused')
    if (signal === 'due') onDue()
    if (signal === 'resumed' || signal === 'released') onReleased()
  }

  const loop = startLoop(runOnce, (error) => emit({ type: 'error', error, during: 'control' }))
  return {
    wake: loop.wake,
    async stop() {
      // XREAD claims nothing, so its wait may be cut off.
      const over = loop.stop()
      await connection.close()
      await over
    },
  }
}
