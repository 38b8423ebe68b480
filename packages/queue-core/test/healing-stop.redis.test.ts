import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { createWorker } from '../src/index.ts'
import { settlesWithin } from '../src/async/deadline.ts'
import { createGate } from './support/gate.ts'
import { setUpOutage, setUpProxied, type Outage } from './support/outage.ts'
import type { RigJobs } from './support/rig.ts'

/** A stop takes two seconds for its claims, its grace and five seconds for what is to be stored. */
const STOP_WITHIN_MS = 9_000

/** Stops while one job runs, which ends then, and has nothing to store it in. */
async function stopAtWork({ rig }: Outage, breakIt: () => unknown): Promise<void> {
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(2)
  await eventually(() => expect(rig.worker.running).toBe(2))
  await breakIt()
  const stopped = rig.worker.stop({ graceMs: 500 })
  gate.open()
  expect(await settlesWithin(stopped, STOP_WITHIN_MS)).toBe(true)
  expect(rig.worker.health()).toMatchObject({ state: 'stopped', running: 0, settling: 0 })
}

test('a worker stops within seconds though its server is gone', async () => {
  const outage = await setUpOutage()
  await stopAtWork(outage, outage.server.kill)
})

test('a worker stops within seconds though its server hangs', async () => {
  const outage = await setUpOutage()
  await stopAtWork(outage, outage.server.freeze)
})

test('a worker stops within seconds though the network swallows everything', async () => {
  const outage = await setUpProxied()
  await stopAtWork(outage, () => outage.proxy.set({ type: 'silence' }))
})

test('a worker stops within seconds in the midst of its attempts to connect anew', async () => {
  const outage = await setUpProxied()
  const { rig, proxy, server } = outage
  await rig.works()
  await proxy.set({ type: 'silence' })
  await server.admin('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await eventually(() => expect(rig.errors().length).toBeGreaterThan(0), { timeoutMs: 20_000 })
  expect(await settlesWithin(rig.worker.stop({ graceMs: 500 }), STOP_WITHIN_MS)).toBe(true)
}, 60_000)

test('a worker without a server does not start, and says why', async () => {
  const { server, redis, rig } = await setUpOutage()
  await server.kill()
  const worker = createWorker<RigJobs>(redis, 'q', { work: () => undefined }, { prefix: rig.prefix })
  await expect(worker.start()).rejects.toThrow('ECONNREFUSED')
  expect(worker.health().state).toBe('new')
  await server.start()
  await worker.start()
  expect(worker.health().state).toBe('running')
  await worker.stop()
})

test('a start that gets no answer ends by a stop', async () => {
  const { redis, rig, proxy } = await setUpProxied()
  await proxy.set({ type: 'silence' })
  const worker = createWorker<RigJobs>(redis, 'q', { work: () => undefined }, { prefix: rig.prefix })
  const start = worker.start()
  await worker.stop()
  await expect(start).rejects.toMatchObject({ code: 'CLOSED' })
})
