import type { Connection } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { Lane } from './lease-table.ts'
import { isEarlier } from '../model/fence.ts'
import { startLoop, type Loop } from '../async/loop.ts'
import { defaults } from '../model/options.ts'

type Entries = [id: string, fields: string[]][]

/** Returns the id of the newest signal. What comes after it is for a worker that reads it before all else. */
export async function newestSignal(connection: Connection, keys: Keys): Promise<string> {
  const entries = await connection.send<Entries>(['XREVRANGE', keys.control, '+', '-', 'COUNT', '1'], {
    replyWithinMs: defaults.replyWithinMs,
  })
  return entries[0]?.[0] ?? '0-0'
}

/** Listens for signals to all workers from `after` on: paused, resumed, an earlier due time, released jobs. */
export function startControl(
  lane: Lane,
  connection: Connection,
  after: string,
  listeners: { readonly due: () => void; readonly released: () => void },
): Loop {
  const { keys } = lane.part

  /** A stream that was deleted while the clock was set back begins again below the last id, and would stay unheard. */
  async function catchUp(): Promise<void> {
    const newest = await newestSignal(connection, keys)
    if (newest === '0-0' || !isEarlier(newest, after)) return
    after = newest
    listeners.due()
    listeners.released()
  }

  async function runOnce(): Promise<number> {
    const reply = await connection.send<[string, Entries][] | Record<string, Entries> | null>(
      ['XREAD', 'COUNT', '64', 'BLOCK', String(defaults.blockMs), 'STREAMS', keys.control, after],
      { replyWithinMs: defaults.blockMs * 2 + 5_000 },
    )
    const entries =
      reply === null
        ? []
        : Array.isArray(reply)
          ? reply.flatMap(([, list]) => list)
          : Object.values(reply).flat()
    if (entries.length === 0) await catchUp()
    for (const [id, fields] of entries) {
      after = id
      act(fields[1] ?? '')
    }
    return 0
  }

  function act(event: string): void {
    if (event === 'paused') lane.pausing.signal(true)
    else if (event === 'resumed') {
      lane.pausing.signal(false)
      listeners.released()
    } else if (event === 'due') listeners.due()
    else if (event === 'released') listeners.released()
  }

  const loop = startLoop(runOnce, (error) => lane.emit({ type: 'error', error, during: 'control' }))
  return {
    wake: loop.wake,
    async stop() {
      // Nothing is claimed by XREAD, so its wait may be cut off.
      const over = loop.stop()
      await connection.close()
      await over
    },
  }
}
