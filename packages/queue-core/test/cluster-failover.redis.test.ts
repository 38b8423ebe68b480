import { eventually } from '@titan/testkit'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { partitionKeys, partitionOf } from '../src/redis/partition.ts'
import type { ClusterClient } from './support/cluster-clients.ts'
import { startTestCluster, type TestCluster } from './support/cluster.ts'
import { startRig, type Rig } from './support/rig.ts'

const patience = { timeoutMs: 60_000 }

describe.each([1, 6])('a worker of %i partitions on a cluster', (partitions) => {
  const isShort = partitions === 1 || process.env['TITAN_FAULTS'] === 'all'
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startTestCluster()
  })
  afterAll(() => cluster.stop())

  const keysIn = (prefix: string): string[] => partitionKeys(prefix, 'q', partitions).map((of) => of.dlq)

  async function setUp(): Promise<{ client: ClusterClient; rig: Rig }> {
    const client = await cluster.connect()
    onTestFinished(() => client.destroy())
    // The worker finds its way by itself, whatever its client knows of the cluster.
    const ignorant = await cluster.connect({ refreshes: false })
    onTestFinished(() => ignorant.destroy())
    const rig = await startRig(client.client, { partitions }, ignorant.client)
    onTestFinished(rig.stop)
    return { client, rig }
  }

  /** Redis answers before its replica has a write: who must know asks. */
  async function isReplicated({ sendTo }: ClusterClient, { prefix }: Rig, id: string): Promise<boolean> {
    const home = keysIn(prefix)[partitionOf(id, partitions)] ?? ''
    return Number(await sendTo(home, 'WAIT', '1', '1000')) >= 1
  }

  /** A job runs in every partition. */
  async function worksEverywhere(rig: Rig): Promise<void> {
    const waiting = new Set(Array.from({ length: partitions }, (_none, index) => index))
    for (let index = 0; waiting.size > 0; index++) {
      const id = `everywhere-${index}`
      if (!waiting.delete(partitionOf(id, partitions))) continue
      await eventually(() => rig.queue.enqueue('work', id, { id }), patience)
      await eventually(() => expect(rig.runs.has(id)).toBe(true), patience)
    }
  }

  test('follows masters that hand over in good order, and loses nothing', async () => {
    const { rig } = await setUp()
    const producer = rig.produce()
    await eventually(() => expect(rig.runs.size).toBeGreaterThan(100))
    for (const master of await cluster.masters()) {
      await cluster.failover(master)
      const before = rig.runs.size
      await eventually(() => expect(rig.runs.size).toBeGreaterThan(before + 50), patience)
    }
    await worksEverywhere(rig)
    await producer.stop()
    await rig.allDone(60_000)
    expect(rig.errors().length).toBeLessThan(partitions * 40)
  }, 120_000)

  // Scripts and reads meet ASK and TRYAGAIN for keys that have moved already, and try again.
  test.runIf(isShort)(
    'works on while its slot moves to another master, key by key',
    async () => {
      const { rig } = await setUp()
      const [key = ''] = keysIn(rig.prefix)
      const producer = rig.produce()
      await eventually(() => expect(rig.runs.size).toBeGreaterThan(100))
      for (let moves = 0; moves < 2; moves++) {
        const from = await cluster.masterOf(key)
        const to = (await cluster.masters()).find((master) => master !== from) ?? from
        await cluster.moveSlot(key, to)
        const before = rig.runs.size
        await eventually(() => expect(rig.runs.size).toBeGreaterThan(before + 50), patience)
      }
      await producer.stop()
      await rig.allDone(60_000)
      const reclaimed = new Set(
        rig.events.flatMap((event) => (event.type === 'reclaimed' ? [event.job.id] : [])),
      )
      expect([...rig.runs].filter(([id, runs]) => runs > 1 && !reclaimed.has(id))).toEqual([])
    },
    120_000,
  )

  test.runIf(isShort)(
    'leaves a frozen master while it is frozen, and loses nothing that its replica had',
    async () => {
      const { client, rig } = await setUp()
      const [key = ''] = keysIn(rig.prefix)
      const master = await cluster.masterOf(key)
      await cluster.replicaOf(master)
      let isOver = false
      const producer = rig.produce(async (id) => isOver || (await isReplicated(client, rig, id)))
      await eventually(() => expect(rig.acknowledged.size).toBeGreaterThan(100), patience)
      master.freeze()
      try {
        isOver = true
        await worksEverywhere(rig)
        const before = rig.runs.size
        await eventually(() => expect(rig.runs.size).toBeGreaterThan(before + 50), patience)
      } finally {
        master.thaw()
      }
      await producer.stop()
      await rig.allDone(60_000)
      await eventually(async () => expect(await master.send('ROLE')).toContain('slave'), patience)
    },
    120_000,
  )

  test('follows the replica of a master that is killed, and loses nothing that it had', async () => {
    const { client, rig } = await setUp()
    const [key = ''] = keysIn(rig.prefix)
    const master = await cluster.masterOf(key)
    const replica = await cluster.replicaOf(master)
    let isOver = false
    const producer = rig.produce(async (id) => isOver || (await isReplicated(client, rig, id)))
    await eventually(() => expect(rig.acknowledged.size).toBeGreaterThan(100), patience)
    await master.kill()
    await eventually(async () => expect((await cluster.masterOf(key)).id).toBe(replica.id), patience)
    isOver = true
    await worksEverywhere(rig)
    const before = rig.acknowledged.size
    await eventually(() => expect(rig.acknowledged.size).toBeGreaterThan(before + 50), patience)
    await producer.stop()
    await rig.allDone(60_000)
    expect(rig.worker.health().sinceReplyMs).toBeLessThan(3_000)
    expect(rig.errors().length).toBeLessThan(partitions * 60)
  }, 120_000)
})
