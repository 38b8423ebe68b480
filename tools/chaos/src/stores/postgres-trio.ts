import { setTimeout as pause } from 'node:timers/promises'
import { startPostgresTrio, type PostgresNode } from '@titan/servers/topologies'
import { eventually } from '@titan/testkit'
import { PATIENCE, postgresStoreOf } from './postgres-group.ts'
import type { Store } from './store.ts'

/** How long the run, which is the HA manager here, takes to notice that the primary is gone. */
const NOTICED_AFTER_MS = 3_000

/** Starts a primary with two synchronous standbys, with their data in the folder. */
export async function startPostgresTrioIn(folder: string): Promise<Store> {
  const trio = await startPostgresTrio(folder, { isDurable: true })
  return postgresStoreOf({
    nodes: trio.nodes,
    url: trio.url,
    primary: trio.primary,
    standbys: trio.standbys,
    async takeOver() {
      await pause(NOTICED_AFTER_MS)
      await trio.promote()
    },
    wakesAsPrimary: true,
    rejoin: trio.rejoin,
    async handOver(old) {
      await stopInOrder(old)
      await trio.promote()
      await trio.rejoin(old)
    },
    stop: trio.stop,
  })
}

/** Lets a server end its sessions and send its standbys what they lack. */
async function stopInOrder(node: PostgresNode): Promise<void> {
  const pid = node.pid()
  if (pid !== undefined) process.kill(pid, 'SIGINT')
  await eventually(() => node.pid() === undefined, PATIENCE)
}
