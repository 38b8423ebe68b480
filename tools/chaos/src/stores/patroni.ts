import { startPatroni } from '@titan/servers/topologies'
import { eventually } from '@titan/testkit'
import { PATIENCE, postgresStoreOf } from './postgres-group.ts'
import type { Store } from './store.ts'

/** Starts three servers under Patroni behind HAProxy, with their data in the folder. */
export async function startPatroniIn(folder: string): Promise<Store> {
  const patroni = await startPatroni(folder)
  return postgresStoreOf({
    nodes: patroni.nodes,
    url: patroni.url,
    primary: patroni.primary,
    standbys: patroni.standbys,
    takeOver: (old) => eventually(async () => (await patroni.primary()) !== old, PATIENCE),
    // Patroni demotes a primary that wakes up, and rewinds it.
    wakesAsPrimary: false,
    rejoin: (old) => old.start(),
    handOver: () => patroni.switchover(),
    stop: patroni.stop,
  })
}
