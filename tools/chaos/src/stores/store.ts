import type { Fault } from '../kinds.ts'

/** How PostgreSQL and Redis are set up in a run. */
export const TOPOLOGIES = {
  single: { postgres: 'single', redis: 'single' },
  sentinel: { postgres: 'single', redis: 'sentinel' },
  cluster: { postgres: 'single', redis: 'cluster' },
  postgres: { postgres: 'trio', redis: 'single' },
  patroni: { postgres: 'patroni', redis: 'single' },
} as const satisfies Record<string, StoreKind>

export type Topology = keyof typeof TOPOLOGIES

/** What each store consists of. */
export interface StoreKind {
  readonly postgres: 'single' | 'trio' | 'patroni'
  readonly redis: 'single' | 'sentinel' | 'cluster'
}

/** How a fault begins, and how it ends if it lasts. */
export interface Effect {
  begin(): unknown
  end?(): unknown
}

/** How to make each kind of fault. */
export type Effects<Type extends Fault['type'] = Fault['type']> = {
  readonly [Each in Type]: (fault: Extract<Fault, { readonly type: Each }>) => Effect
}

/** PostgreSQL or Redis of a fleet: one server, or several of which one takes over. */
export interface Store {
  /** Where the proxies of programs lead; none where programs connect to several servers by themselves. */
  readonly target?: () => number | undefined
  /** Returns the URL for a program, with its proxy's port where there is one. */
  urlAt(port: number): string
  /** Returns the URL of what is true in the end, past the proxies. */
  url(): Promise<string> | string
  readonly effects: Partial<Effects>
  /** Starts what is down, and resolves when every server is up and serves in its role. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Returns what its servers disagree about in the end, and what none of them may have done. */
  inspect?(): Promise<readonly string[]>
}

/** Redis of a fleet. */
export interface RedisStore extends Store {
  /** Partitions of the payments' queue. */
  readonly partitions: number
}
