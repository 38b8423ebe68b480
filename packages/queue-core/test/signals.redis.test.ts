import { eventually } from '@titan/testkit'
import { createClient } from 'redis'
import { expect } from 'vitest'
import { openConnection } from '../src/redis/connection.ts'
import { PauseState, startSignals } from '../src/worker/signals.ts'
import { test, type Place } from './support/place.ts'

/** Listens from an id on; counts the signals that came. */
async function listen(place: Place, after: string): Promise<{ due: number; released: number }> {
  const connection = await openConnection(place.redis, place.keys.control, () => undefined)
  const heard = { due: 0, released: 0 }
  const leases = { part: place.part, pauseState: new PauseState(() => undefined), report: () => undefined }
  const signals = startSignals(leases, connection, after, {
    onDue: () => void heard.due++,
    onReleased: () => void heard.released++,
  })
  place.onEnd(async () => {
    const stopped = signals.stop()
    await connection.close()
    await stopped
  })
  return heard
}

// F217 a signal (due, pause, release) is sent while a worker starts, or the stream of signals is deleted and
//  begins again with lower ids: the worker hears it
test('a starting worker notes the newest signal before it looks for a pause or claims', async ({ place }) => {
  const monitor = await createClient({ url: place.url }).connect()
  place.onEnd(() => monitor.destroy())
  const lines: string[] = []
  await monitor.monitor((line) => void (line.includes(place.prefix) && lines.push(line.toLowerCase())))
  await place.startWorker({ work: () => undefined })
  const first = (text: string): number => lines.findIndex((line) => line.includes(text))
  const later = ['"exists"', '"xreadgroup"', ':delayed"']
  await eventually(() => later.every((text) => first(text) >= 0))
  const asked = first('"xrevrange"')
  expect(asked).toBeGreaterThanOrEqual(0)
  for (const text of later) expect(first(text)).toBeGreaterThan(asked)
})

// F217
test('a signal that is stored after the noted one is heard, however late the listening begins', async ({
  place,
}) => {
  const id = await place.send<string>('XADD', place.keys.control, '*', 'e', 'released', 'v', '')
  await place.send('XADD', place.keys.control, '*', 'e', 'due', 'v', '1')
  const heard = await listen(place, id)
  await eventually(() => heard.due === 1)
  expect(heard.released).toBe(0)
})

// F217
test('signals are heard again after their stream was deleted and the clock set back', async ({ place }) => {
  const heard = await listen(place, '99999999999999-0')
  await place.send('XADD', place.keys.control, '1000-0', 'e', 'due', 'v', '1')
  await eventually(() => heard.due > 0)
  const before = heard.due
  await place.send('XADD', place.keys.control, '1001-0', 'e', 'due', 'v', '1')
  await eventually(() => heard.due > before)
})
