import { startPostgresTrioIn } from './postgres-trio.ts'
import { startPatroniIn } from './patroni.ts'
import { startClusterIn } from './cluster.ts'
import { startSentinelIn } from './sentinel.ts'
import { startPostgresIn, startRedisIn } from './single.ts'
import { TOPOLOGIES, type RedisStore, type Store, type StoreKind, type Topology } from './store.ts'

type Starters<Kind extends string, Started> = Readonly<Record<Kind, (folder: string) => Promise<Started>>>

const POSTGRES: Starters<StoreKind['postgres'], Store> = {
  single: startPostgresIn,
  trio: startPostgresTrioIn,
  patroni: startPatroniIn,
}
const REDIS: Starters<StoreKind['redis'], RedisStore> = {
  single: startRedisIn,
  sentinel: startSentinelIn,
  cluster: startClusterIn,
}

/** Both stores of a fleet. */
export interface Stores {
  readonly postgres: Store
  readonly redis: RedisStore
}

/** Starts PostgreSQL and Redis with their data in the folder. */
export async function startStores(topology: Topology, folder: string): Promise<Stores> {
  const kinds = TOPOLOGIES[topology]
  const postgres = await POSTGRES[kinds.postgres](folder)
  try {
    return { postgres, redis: await REDIS[kinds.redis](folder) }
  } catch (error) {
    await postgres.stop()
    throw error
  }
}
