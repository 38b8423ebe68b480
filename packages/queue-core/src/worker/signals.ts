import { startLoop, type Loop } from '../async/loop.ts'
import { isEarlier } from '../model/fence.ts'
import { defaults } from '../model/options.ts'
import type { Connection } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { readStreams, type StreamsReply } from '../redis/replies.ts'
import type { LeaseTable } from './lease-table.ts'

/** Whether a queue is paused, as far as a worker knows; `onChange` is called with each change. */
export class PauseState {
  isPaused = false
  readonly #onChange: (isPaused: boolean) => void
  #signalledAt = -Infinity

  constructor(onChange: (isPaused: boolean) => void) {
    this.#onChange = onChange
  }

  /** Takes a signal. Signals come in the order in which they were stored. */
  signal(isPaused: boolean): void {
    this.#signalledAt = performance.now()
    this.#set(isPaused)
  }

  /**
   * Takes a reply to a command that was sent at `sentAt`, `performance.now()`. Signals come on another connection, so a
   * reply to a command that was sent before the last signal may be older than that signal and is ignored.
   */
  observe(isPaused: boolean, sentAt: number): void {
    if (sentAt > this.#signalledAt) this.#set(isPaused)
  }

  #set(isPaused: boolean): void {
    if (isPaused === this.isPaused) return
    this.isPaused = isPaused
    this.#onChange(isPaused)
  }
}

type Entries = [id: string, fields: string[]][]

/** Returns the id of the newest signal. A worker that reads it first misses no later one. */
export async function newestSignal(connection: Connection, keys: Keys): Promise<string> {
  const entries = await connection.send<Entries>(['XREVRANGE', keys.control, '+', '-', 'COUNT', '1'])
  return entries[0]?.[0] ?? '0-0'
}

/**
 * Listens for signals to all workers after `lastId`: paused, resumed, an earlier due time, released jobs. Close the
 * connection after the loop is stopped: XREAD claims nothing, so its wait may be cut off.
 */
export function startSignals(
  leases: Pick<LeaseTable, 'part' | 'pauseState' | 'report'>,
  connection: Connection,
  lastId: string,
  { onDue, onReleased }: { readonly onDue: () => void; readonly onReleased: () => void },
): Loop {
  const { keys } = leases.part

  async function runOnce(): Promise<number> {
    const reply = await connection.send<StreamsReply<Entries>>(
      ['XREAD', 'COUNT', '64', 'BLOCK', String(defaults.blockMs), 'STREAMS', keys.control, lastId],
      { replyWithinMs: defaults.blockMs * 2 + 5_000 },
    )
    const entries = Object.values(readStreams(reply)).flat()
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
    if (signal === 'paused' || signal === 'resumed') leases.pauseState.signal(signal === 'paused')
    if (signal === 'due') onDue()
    if (signal === 'resumed' || signal === 'released') onReleased()
  }

  return startLoop(runOnce, (error) => leases.report(error, 'control'))
}
