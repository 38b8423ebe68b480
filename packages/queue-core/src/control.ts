import type { Connection } from './connection.ts'
import type { Lane } from './lane.ts'
import { startLoop, type Loop } from './loop.ts'
import { defaults } from './options.ts'

type Entries = [id: string, fields: string[]][]

/** Listens for signals to all workers: paused, resumed, an earlier due time, released jobs. */
export function startControl(
  lane: Lane,
  connection: Connection,
  listeners: { readonly due: () => void; readonly released: () => void },
): Loop {
  const { keys } = lane.part
  let after: string | undefined

  async function newest(): Promise<string> {
    const entries = await connection.send<Entries>(['XREVRANGE', keys.control, '+', '-', 'COUNT', '1'], {
      replyWithinMs: defaults.replyWithinMs,
    })
    return entries[0]?.[0] ?? '0-0'
  }

  async function runOnce(): Promise<number> {
    after ??= await newest()
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
