import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { keysOf } from '../src/redis/keys.ts'
import { createGate } from './support/gate.ts'
import { setUpOutage } from './support/outage.ts'

/** Errors that an event under load may cause at most: each loop meets it once or twice, then all is well. */
const FEW = 12

// F27 the group destroyed, the stream deleted; the key of the dead letters of another type, other keys are
//  not tried: healed; a letter that cannot be stored leaves its job to be delivered again
test('a destroyed group is recreated and everything in the stream is run', async () => {
  const { server, rig } = await setUpOutage()
  await rig.works()
  const producer = rig.produce()
  for (const stream of keysOf(rig.prefix, 'q').streams)
    await server.admin('XGROUP', 'DESTROY', stream, 'workers')
  await rig.works()
  await producer.stop()
  await rig.allDone()
  expect(rig.events.filter((event) => event.type === 'groupCreated').length).toBeGreaterThan(0)
  expect(rig.errors().length).toBeLessThan(FEW)
})

test('a job whose group is destroyed while it runs is not begun a second time beside itself', async () => {
  const { server, rig } = await setUpOutage()
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(1)
  await eventually(() => expect(rig.worker.running).toBe(1))
  for (const stream of keysOf(rig.prefix, 'q').streams)
    await server.admin('XGROUP', 'DESTROY', stream, 'workers')
  await eventually(() => rig.events.some((event) => event.type === 'groupCreated'))
  await eventually(async () => expect(await rig.queue.stats()).toMatchObject({ leased: 1, ready: 0 }))
  expect(rig.worker.running).toBe(1)
  gate.open()
  await rig.allDone()
  expect([...rig.runs.values()]).toEqual([1])
})

// F27
test('a deleted stream starts anew', async () => {
  const { server, rig } = await setUpOutage()
  await rig.works()
  for (const stream of keysOf(rig.prefix, 'q').streams) await server.admin('DEL', stream)
  await rig.works()
  expect(rig.errors().length).toBeLessThan(FEW)
})

test('after FLUSHALL under load the worker runs what is enqueued from then on', async () => {
  const { server, rig } = await setUpOutage()
  const producer = rig.produce()
  await eventually(() => expect(rig.runs.size).toBeGreaterThan(50))
  await server.admin('FLUSHALL')
  await rig.works()
  await producer.stop()
  await eventually(async () => expect(await rig.queue.stats()).toMatchObject({ ready: 0, leased: 0 }))
  expect(rig.errors().length).toBeLessThan(FEW)
})

test('a job that runs during FLUSHALL ends without a trace', async () => {
  const { server, rig } = await setUpOutage()
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(1)
  await eventually(() => expect(rig.worker.running).toBe(1))
  await server.admin('FLUSHALL')
  gate.open()
  await eventually(() => rig.events.some((event) => event.type === 'leaseLost'))
  rig.hold = undefined
  await rig.works()
  expect(await rig.queue.stats()).toMatchObject({ ready: 0, leased: 0, delayed: 0, dead: 0 })
})

// F34
test('SCRIPT FLUSH under load goes unnoticed', async () => {
  const { server, rig } = await setUpOutage()
  const producer = rig.produce()
  for (let round = 1; round <= 5; round++) {
    await eventually(() => expect(rig.runs.size).toBeGreaterThan(round * 20))
    await server.admin('SCRIPT', 'FLUSH')
  }
  await producer.stop()
  await rig.allDone()
  expect(rig.errors()).toEqual([])
  expect([...rig.runs.values()].every((count) => count === 1)).toBe(true)
})
