import { startPostgresIn, startRedisIn } from './single.ts'
import { TOPOLOGIES, type Store, type StoreKind, type Topology } from './store.ts'

type Starters = { readonly [Name in keyof StoreKind]: Readonly<Record<StoreKind[Name], Starter>> }
type Starter = (folder: string) => Promise<Store>

const STARTERS: Starters = { postgres: { single: startPostgresIn }, redis: { single: startRedisIn } }

/** Both stores of a fleet. */
export interface Stores {
  readonly postgres: Store
  readonly redis: Store
}

/** Starts PostgreSQL and Redis with their data in the folder. */
export async function startStores(topology: Topology, folder: string): Promise<Stores> {
  const kinds = TOPOLOGIES[topology]
  const postgres = await STARTERS.postgres[kinds.postgres](folder)
  try {
    return { postgres, redis: await STARTERS.redis[kinds.redis](folder) }
  } catch (error) {
    await postgres.stop()
    throw error
  }
}
