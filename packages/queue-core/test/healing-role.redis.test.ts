import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { createQueue } from '../src/index.ts'
import { createGate } from './support/gate.ts'
import { setUpOutage, setUpProxied, type Outage } from './support/outage.ts'
import { startPrivateServer, type PrivateServer } from './support/private-server.ts'
import { connectClient, type RigJobs } from './support/rig.ts'

const BOUNDED = 60

/** A server that holds all of this one's data and follows its changes. */
async function startReplica({ server }: Outage): Promise<PrivateServer> {
  const replica = await startPrivateServer()
  onTestFinished(replica.remove)
  await replica.admin('REPLICAOF', '127.0.0.1', server.port)
  await eventually(async () =>
    expect(await replica.admin('INFO', 'replication')).toContain('master_link_status:up'),
  )
  return replica
}

test('a master that turns into a replica and back is worked on again', async () => {
  const outage = await setUpOutage()
  const { server, rig } = outage
  const replica = await startReplica(outage)
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(30)
  await eventually(() => expect(rig.worker.running).toBe(10))
  await replica.admin('REPLICAOF', 'NO', 'ONE')
  await server.admin('REPLICAOF', '127.0.0.1', replica.port)
  await eventually(() =>
    expect(rig.errors().map(({ error }) => String(error))).toContainEqual(
      expect.stringContaining('READONLY'),
    ),
  )
  await expect(rig.queue.enqueue('work', 'no')).rejects.toThrow('READONLY')
  gate.open()
  await eventually(() => expect(rig.worker.health().running).toBe(0))
  expect(rig.errors().length).toBeLessThan(BOUNDED)
  await server.admin('REPLICAOF', 'NO', 'ONE')
  await rig.works()
  await rig.allDone()
})

test('a worker follows a failover behind its address', async () => {
  const outage = await setUpProxied()
  const { server, rig, redirect } = outage
  const replica = await startReplica(outage)
  const gate = createGate()
  rig.hold = gate.opened
  await rig.enqueue(100)
  await eventually(() => expect(rig.worker.running).toBe(10))
  // Up for the replica is not yet online for the master, which hands over to no other.
  await eventually(async () => expect(await server.admin('INFO', 'replication')).toContain('state=online'))
  await server.admin('FAILOVER', 'TO', '127.0.0.1', replica.port, 'TIMEOUT', 5_000)
  await eventually(async () => expect(await replica.admin('ROLE')).toContain('master'))
  redirect(replica.port)
  gate.open()
  await rig.allDone()
  const client = await connectClient(replica.url)
  onTestFinished(() => client.destroy())
  await createQueue<RigJobs>(client.client, 'q', { prefix: rig.prefix }).enqueue('work', 'after', {
    id: 'after',
  })
  await eventually(() => expect(rig.runs.get('after')).toBe(1))
  expect(rig.errors().length).toBeLessThan(BOUNDED)
})
