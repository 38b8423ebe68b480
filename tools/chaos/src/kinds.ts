import type { NetworkFault } from '@titan/testkit'
import type { Random } from './random.ts'
import { TOPOLOGIES, type StoreKind, type Topology } from './stores/store.ts'

/** The programs that a fault can hit. */
export const PROGRAMS = ['api-1', 'api-2', 'worker-1', 'worker-2', 'worker-3'] as const
export type ProgramId = (typeof PROGRAMS)[number]

const APIS = PROGRAMS.slice(0, 2)
const WORKERS = PROGRAMS.slice(2)

/** The connections that a fault can hit: from each program to each server it uses, and from the clients to each API. */
const LINKS: readonly string[] = [
  ...APIS.flatMap((from) => [`${from}>postgres`, `${from}>redis`, `client>${from}`]),
  ...WORKERS.flatMap((from) => ['postgres', 'redis', 'gateway', 'second'].map((to) => `${from}>${to}`)),
]

/** What decides which faults there are. */
export interface System {
  readonly on: Topology
  /** How many gateways there are. @default 1 */
  readonly gateways?: number | undefined
}

/** Returns the links of a system. Programs connect by themselves to servers that replace each other. */
export function linksOf({ on, gateways = 1 }: System): readonly string[] {
  const { postgres, redis } = TOPOLOGIES[on]
  const bypassed = [
    ...(postgres === 'single' ? [] : ['postgres']),
    ...(redis === 'single' ? [] : ['redis']),
    ...(gateways > 1 ? [] : ['second']),
  ]
  return LINKS.filter((link) => !bypassed.some((store) => link.endsWith(`>${store}`)))
}

/** Something bad that happens. */
export type Fault =
  /** SIGKILL; the program is started again. */
  | { readonly type: 'program_kill'; readonly program: ProgramId }
  /** SIGSTOP, and SIGCONT at the end: for a worker longer than its jobs wait for it. */
  | { readonly type: 'program_stop'; readonly program: ProgramId }
  /** SIGKILL, and a start at the end; `lose`: without its data. */
  | { readonly type: 'redis_kill'; readonly lose: boolean }
  | { readonly type: 'redis_flush' }
  | { readonly type: 'redis_stop' }
  /** SIGKILL of PostgreSQL, or a restart in good order. */
  | { readonly type: 'postgres_restart'; readonly signal: 'SIGKILL' | 'SIGINT' }
  /** Every connection to PostgreSQL is ended from its side. */
  | { readonly type: 'postgres_terminate' }
  | ReplicatedFault
  /** SIGKILL of a gateway, and a start at the end; `pick`, from 0 up to 1, decides which. */
  | { readonly type: 'gateway_kill'; readonly pick: number }
  /** Every charge at a gateway is answered in this way for a while. */
  | { readonly type: 'gateway_storm'; readonly pick: number; readonly behaviour: string }
  /** All links whose name contains `link` are bad for a while. */
  | { readonly type: 'network'; readonly link: string; readonly fault: NetworkFault }

/** A fault of one server among several; `pick`, from 0 up to 1, decides which. */
type ReplicatedFault = { readonly pick: number } & (
  | {
      /** The server that takes writes, or one that would take over, is killed or frozen; it comes back at the end. */
      readonly type: `redis_${'primary' | 'replica'}_${'kill' | 'freeze'}`
    }
  /** A replica takes over in good order. */
  | { readonly type: 'redis_switchover' }
  | { readonly type: 'sentinel_kill' }
  /** Another server is promoted, and the old primary comes back as a standby; a frozen one wakes up as a primary before. */
  | { readonly type: `postgres_primary_${'kill' | 'freeze'}` | 'postgres_switchover' }
  | { readonly type: `postgres_standby_${'kill' | 'freeze'}` }
  /** No standby confirms a commit. */
  | { readonly type: 'postgres_standbys_freeze' }
  /** A slot with keys of the queue moves to another master. */
  | { readonly type: 'redis_slot_move' }
)

/** How often a kind of fault is drawn, and how long it lasts at least and at most, in milliseconds. */
export type Kind = readonly [
  weight: number,
  forMs: readonly [number, number],
  draw: (random: Random, links: readonly string[]) => Fault,
]

const PROGRAM_KINDS: readonly Kind[] = [
  [2, [0, 0], (random) => ({ type: 'program_kill', program: random.pick(APIS) })],
  [3, [0, 0], (random) => ({ type: 'program_kill', program: random.pick(WORKERS) })],
  // Longer than the visibility timeout and the lease, so that another worker has reclaimed its jobs when it wakes up.
  [4, [8_000, 10_000], (random) => ({ type: 'program_stop', program: random.pick(WORKERS) })],
  [1, [500, 3_000], (random) => ({ type: 'program_stop', program: random.pick(APIS) })],
]

const POSTGRES_GROUP_KINDS: readonly Kind[] = [
  [3, [1_000, 4_000], (random) => ({ type: 'postgres_primary_kill', pick: random.next() })],
  // It wakes up before its clients have given it up, or after.
  [2, [500, 1_500], (random) => ({ type: 'postgres_primary_freeze', pick: random.next() })],
  [2, [10_000, 12_000], (random) => ({ type: 'postgres_primary_freeze', pick: random.next() })],
  [2, [1_000, 3_000], (random) => ({ type: 'postgres_switchover', pick: random.next() })],
  [1, [2_000, 4_000], (random) => ({ type: 'postgres_standby_kill', pick: random.next() })],
  [1, [2_000, 4_000], (random) => ({ type: 'postgres_standby_freeze', pick: random.next() })],
  [1, [2_000, 4_000], (random) => ({ type: 'postgres_standbys_freeze', pick: random.next() })],
  [1, [0, 0], () => ({ type: 'postgres_terminate' })],
]

const REDIS_GROUP_KINDS: readonly Kind[] = [
  [3, [3_000, 5_000], (random) => ({ type: 'redis_primary_kill', pick: random.next() })],
  [3, [3_000, 5_000], (random) => ({ type: 'redis_primary_freeze', pick: random.next() })],
  [2, [0, 0], (random) => ({ type: 'redis_switchover', pick: random.next() })],
  [1, [2_000, 4_000], (random) => ({ type: 'redis_replica_kill', pick: random.next() })],
  [1, [2_000, 4_000], (random) => ({ type: 'redis_replica_freeze', pick: random.next() })],
  [1, [0, 0], () => ({ type: 'redis_flush' })],
]

const STORE_KINDS: {
  readonly [Store in keyof StoreKind]: Readonly<Record<StoreKind[Store], readonly Kind[]>>
} = {
  redis: {
    single: [
      [2, [200, 3_000], () => ({ type: 'redis_kill', lose: false })],
      [2, [200, 3_000], () => ({ type: 'redis_kill', lose: true })],
      [2, [0, 0], () => ({ type: 'redis_flush' })],
      [1, [500, 4_000], () => ({ type: 'redis_stop' })],
    ],
    sentinel: [
      ...REDIS_GROUP_KINDS,
      [1, [3_000, 5_000], (random) => ({ type: 'sentinel_kill', pick: random.next() })],
    ],
    cluster: [
      ...REDIS_GROUP_KINDS,
      [2, [0, 0], (random) => ({ type: 'redis_slot_move', pick: random.next() })],
    ],
  },
  postgres: {
    single: [
      [
        2,
        [200, 2_000],
        (random) => ({ type: 'postgres_restart', signal: random.pick(['SIGKILL', 'SIGINT'] as const) }),
      ],
      [2, [0, 0], () => ({ type: 'postgres_terminate' })],
    ],
    trio: POSTGRES_GROUP_KINDS,
    patroni: POSTGRES_GROUP_KINDS,
  },
}

const STORMS = '429 503 500_after reset_after hang_after hang_before garbage decline:soft'.split(' ')

const OTHER_KINDS: readonly Kind[] = [
  [2, [200, 2_000], (random) => ({ type: 'gateway_kill', pick: random.next() })],
  [
    2,
    [500, 3_000],
    (random) => ({ type: 'gateway_storm', pick: random.next(), behaviour: random.pick(STORMS) }),
  ],
  [
    8,
    [500, 4_000],
    (random, links) => ({ type: 'network', link: drawLink(random, links), fault: drawNetwork(random) }),
  ],
]

/** The second gateway is dead for long, again and again: payments go to the first one meanwhile. */
const SECOND_GATEWAY_KINDS: readonly Kind[] = [
  [8, [2_000, 10_000], () => ({ type: 'gateway_kill', pick: 0.9 })],
]

/** Returns every kind of fault that a system has. */
export function kindsOf({ on, gateways = 1 }: System): readonly Kind[] {
  const { postgres, redis } = TOPOLOGIES[on]
  return [
    ...PROGRAM_KINDS,
    ...STORE_KINDS.redis[redis],
    ...STORE_KINDS.postgres[postgres],
    ...OTHER_KINDS,
    ...(gateways > 1 ? SECOND_GATEWAY_KINDS : []),
  ]
}

/** Returns the kinds that follow each other, so that what happens belongs to one of them: those of programs and stores. */
export function turnKindsOf(topology: Topology): readonly Kind[] {
  const { postgres, redis } = TOPOLOGIES[topology]
  const replicated = [
    ...(redis === 'single' ? [] : STORE_KINDS.redis[redis]),
    ...(postgres === 'single' ? [] : STORE_KINDS.postgres[postgres]),
  ]
  const single = [...STORE_KINDS.redis.single, ...STORE_KINDS.postgres.single]
  return [...PROGRAM_KINDS, ...(replicated.length === 0 ? single : replicated)]
}

/** One link mostly; now and then a server or a program is cut off from all others. */
function drawLink(random: Random, links: readonly string[]): string {
  if (random.next() < 0.7) return random.pick(links)
  const groups = [
    '>postgres',
    '>redis',
    '>gateway',
    '>second',
    'client>',
    ...PROGRAMS.map((from) => `${from}>`),
  ]
  return random.pick(groups.filter((group) => links.some((link) => link.includes(group))))
}

function drawNetwork(random: Random): NetworkFault {
  return random.pick<NetworkFault>([
    { type: 'refuse' },
    { type: 'reset' },
    { type: 'blackhole' },
    { type: 'delay', ms: random.between(20, 400) },
    { type: 'cut', bytes: random.between(1, 5_000) },
    { type: 'drop_answers' },
  ])
}
