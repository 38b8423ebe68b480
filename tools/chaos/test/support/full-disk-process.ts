// PostgreSQL and Redis share a small disk that fills up twice while payments are sent; the gateway is elsewhere. A separate
// process, because the disk is mounted in a separate namespace. Prints a report as one line of JSON.
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { eventually } from '@titan/testkit'
import { Clients } from '../../src/clients.ts'
import { startFleet } from '../../src/fleet.ts'
import { judge } from '../../src/judge.ts'
import { waitUntilQuiet } from '../../src/quiet.ts'
import { withStores } from '../../src/trial.ts'
import type { FullDiskReport } from './full-disk.ts'

const PAYMENTS = 300
const FULL_MS = 3_000
const PATIENCE_MS = 120_000

const [disk = '', outside = ''] = process.argv.slice(2)
const fleet = await startFleet(disk, { seed: 5, weights: { ok: 1 }, gatewayFolder: outside })
const clients = new Clients({ urls: fleet.apiUrls, payments: PAYMENTS, durationMs: 8_000, seed: 5 })
const giveUp = new AbortController()
const paying = clients.run(giveUp.signal)
const filler = join(disk, 'filler')

/** Takes what is left of the disk, down to the last block. */
function fill(): void {
  const file = openSync(filler, 'a')
  try {
    for (let size = 1 << 20; size >= 512; size >>= 1) while (hasWritten(file, size));
  } finally {
    closeSync(file)
  }
}

function hasWritten(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size)) === size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false
    throw error
  }
}

/** Keeps the disk full until then; what the servers give back is taken as well. */
async function fillUntil(isEnough: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(
    () => {
      fill()
      return isEnough()
    },
    { timeoutMs: PATIENCE_MS, intervalMs: 100 },
  )
}

/** With a full disk a server that needs a new file of its log gives up, and does not come back by itself. */
async function isPostgresGone(): Promise<boolean> {
  try {
    await withStores(fleet, ({ sql }) => sql`select pg_switch_wal()`)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  }
}

await pause(1_500)
const repeatedBefore = clients.counts.repeated
const fullAt = performance.now()
await fillUntil(() => performance.now() - fullAt > FULL_MS && clients.counts.repeated > repeatedBefore)
const repeated = clients.counts.repeated - repeatedBefore
rmSync(filler)

// By itself, since only statements failed.
const answeredBefore = clients.counts.answered
await eventually(() => clients.counts.answered > answeredBefore, { timeoutMs: PATIENCE_MS })
const answeredAgain = clients.counts.answered - answeredBefore

await fillUntil(isPostgresGone)
rmSync(filler)
await fleet.stores.postgres.stop()
await fleet.stores.postgres.start()

const report = await withStores(fleet, async (stores): Promise<FullDiskReport> => {
  const isQuiet = await waitUntilQuiet({ ...stores, paying, withinMs: PATIENCE_MS })
  giveUp.abort()
  await paying
  const verdict = await judge({
    ...stores,
    ledgerPaths: fleet.gateways.map(({ ledgerPath }) => ledgerPath),
    accepted: clients.accepted,
    moves: clients.movers.accepted,
  })
  const crashes = [...fleet.programs].flatMap(([id, supervisor]) =>
    supervisor.crashes.map((how) => `${id}: ${how}`),
  )
  return {
    tried: PAYMENTS,
    answered: clients.counts.answered,
    repeated,
    answeredAgain,
    isQuiet,
    statuses: verdict.statuses,
    breaches: [...verdict.breaches, ...clients.breaches, ...crashes],
  }
})
await fleet.close()
console.log(JSON.stringify(report))
