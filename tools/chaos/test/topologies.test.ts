import { describe, expect, test } from 'vitest'
import { runChaos } from '../src/chaos.ts'
import type { Topology } from '../src/stores/store.ts'

/** Minutes, so only where they are asked for: `TITAN_TOPOLOGIES=1`. */
const isAsked = (process.env['TITAN_TOPOLOGIES'] ?? '') !== ''

async function run(on: Topology, only: readonly string[]) {
  return await runChaos({
    on,
    only,
    mixed: false,
    payments: 300,
    durationMs: 60_000,
    everyMs: 0,
    seed: 3,
    quietWithinMs: 200_000,
  })
}

describe.runIf(isAsked)('each payment is charged once, and every server has it', { timeout: 600_000 }, () => {
  // F340 the primary of a Sentinel trio is killed, frozen or hands over, a replica or a Sentinel ends, Redis is wiped: no
  //  payment lost or charged twice
  test('a Sentinel trio', async () => {
    const report = await run('sentinel', ['redis_primary_kill', 'redis_primary_freeze'])
    expect(report.breaches).toEqual([])
    expect(Object.keys(report.faults)).not.toEqual([])
  })

  // F341 a master of a cluster is killed, frozen or hands over, a replica ends, a slot moves: no payment lost or charged
  //  twice
  test('a cluster', async () => {
    const report = await run('cluster', ['redis_primary_kill', 'redis_primary_freeze', 'redis_slot_move'])
    expect(report.breaches).toEqual([])
    expect(Object.keys(report.faults)).not.toEqual([])
  })

  // F342 the primary of PostgreSQL is killed, frozen or hands over and a standby is promoted, one standby or both end: no
  //  payment lost or charged twice, all servers hold the same
  // F343 an old primary wakes up after another was promoted: it commits nothing
  test('PostgreSQL with two standbys', async () => {
    const report = await run('postgres', ['postgres_primary_kill', 'postgres_primary_freeze'])
    expect(report.breaches).toEqual([])
    expect(Object.keys(report.faults)).not.toEqual([])
  })

  // F344 the primary of PostgreSQL under Patroni, behind HAProxy, is killed, frozen or hands over: no payment lost or
  //  charged twice
  test('PostgreSQL under Patroni', async () => {
    const report = await run('patroni', ['postgres_primary_kill', 'postgres_primary_freeze'])
    expect(report.breaches).toEqual([])
    expect(Object.keys(report.faults)).not.toEqual([])
  })
})
