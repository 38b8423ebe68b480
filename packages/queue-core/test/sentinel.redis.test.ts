import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSentinelTrio, type SentinelTrio } from '@titan/servers/topologies'
import { eventually } from '@titan/testkit'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startRig, type Rig } from './support/rig.ts'
import { SENTINEL_CLIENTS, type SentinelClient } from './support/sentinel-clients.ts'

const patience = { timeoutMs: 60_000 }
const folder = mkdtempSync(join(tmpdir(), 'titan-sentinel-'))

let trio: SentinelTrio
beforeAll(async () => {
  trio = await startSentinelTrio(folder)
})
afterAll(async () => {
  await trio.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function setUp(name: keyof typeof SENTINEL_CLIENTS): Promise<{ used: SentinelClient; rig: Rig }> {
  const used = await SENTINEL_CLIENTS[name](trio)
  onTestFinished(() => void used.destroy())
  const rig = await startRig(used.client)
  onTestFinished(rig.stop)
  return { used, rig }
}

/**
 * Produces under load. Acknowledged is a job that so many replicas have; asked over the connection that stored it, because
 * WAIT answers for the writes of one connection.
 */
function produce({ used, rig }: { used: SentinelClient; rig: Rig }, replicas: number) {
  let before: unknown
  return rig.produce(async () => {
    const connection = await used.connection()
    const isSame = connection === before
    before = connection
    return isSame && Number(await used.send('WAIT', String(replicas), '1000')) >= replicas
  })
}

async function continues(rig: Rig): Promise<void> {
  await rig.works(60_000)
  const before = rig.runs.size
  await eventually(() => expect(rig.runs.size).toBeGreaterThan(before + 50), patience)
}

/** Every acknowledged job ran; one that ran again was reclaimed, or its end was lost with the old master. */
async function expectAllDone(rig: Rig): Promise<void> {
  await rig.allDone(60_000)
  expect(rig.errors().length).toBeLessThan(80)
  expect(await rig.queue.stats()).toMatchObject({ dead: 0 })
}

/** `pnpm test:clients` and `pnpm test:servers` meet every fault with every kind of client. */
const meetsAll = process.env['TITAN_FAULTS'] === 'all'

// Jobs that one replica has may be lost where a living master hands over: the other replica follows it a moment longer.
test.runIf(meetsAll).each(['ioredis-6', 'node-redis-6'] as const)(
  'a worker with a client of %s follows a handover at once, and loses nothing',
  async (name) => {
    const { used, rig } = await setUp(name)
    const producer = produce({ used, rig }, 2)
    await eventually(() => expect(rig.acknowledged.size).toBeGreaterThan(100), patience)
    const old = await trio.primary()
    await eventually(() => trio.sentinels[0]?.send('SENTINEL', 'FAILOVER', trio.masterName), patience)
    await eventually(async () => expect(await trio.primary()).not.toBe(old), patience)
    await continues(rig)
    await producer.stop()
    await expectAllDone(rig)
    await eventually(async () => expect(await old.send('ROLE')).toContain('slave'), patience)
  },
  120_000,
)

// The machine of both hangs, and the client asks this Sentinel first.
test('a worker leaves a master that froze with a Sentinel, and loses nothing that a replica had', async () => {
  const { used, rig } = await setUp('node-redis-6')
  const producer = produce({ used, rig }, 1)
  await eventually(() => expect(rig.acknowledged.size).toBeGreaterThan(100), patience)
  const frozen = [await trio.primary(), trio.sentinels[0]]
  for (const node of frozen) node?.freeze()
  try {
    await continues(rig)
  } finally {
    for (const node of frozen) node?.thaw()
  }
  await producer.stop()
  await expectAllDone(rig)
}, 120_000)

test.runIf(meetsAll)(
  'a worker follows the replica of a master that is killed, and loses nothing',
  async () => {
    const { used, rig } = await setUp('ioredis-6')
    const producer = produce({ used, rig }, 1)
    await eventually(() => expect(rig.acknowledged.size).toBeGreaterThan(100), patience)
    const master = await trio.primary()
    await master.kill()
    await continues(rig)
    await producer.stop()
    await expectAllDone(rig)
    await master.start()
  },
  120_000,
)

test.each(['node-redis-5', 'ioredis-5', 'iovalkey'] as const)(
  'a client of %s carries every kind of job',
  async (name) => {
    const { rig } = await setUp(name)
    await rig.enqueue(20)
    await rig.queue.enqueue('work', 'late', { id: 'late', delayMs: 20, orderingKey: 'a', priority: 'low' })
    await rig.works()
    await rig.allDone()
    expect(rig.errors()).toEqual([])
  },
  60_000,
)
