import { LOOPBACK } from '../ports.ts'
import type { RedisAccess } from './redis-access.ts'
import type { ClusterNode } from './redis-cluster.ts'

const BATCH = 100
const MIGRATE_TIMEOUT_MS = 5_000

/** Moves a slot as `redis-cli --cluster reshard` does: clients meet `ASK` for keys that have moved already. */
export async function moveSlot(
  access: RedisAccess,
  slot: number,
  from: ClusterNode,
  to: ClusterNode,
  masters: readonly ClusterNode[],
) {
  await to.send('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
  await from.send('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
  const login = access.password === undefined ? [] : ['AUTH', access.password]
  for (;;) {
    const keys = await from.send<string[]>('CLUSTER', 'GETKEYSINSLOT', slot, BATCH)
    if (keys.length === 0) break
    await from.send('MIGRATE', LOOPBACK, to.port, '', 0, MIGRATE_TIMEOUT_MS, ...login, 'KEYS', ...keys)
  }
  // The new owner first, so that there is one at any time.
  for (const node of [to, from, ...masters.filter((master) => master !== to && master !== from)])
    await node.send('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
}
