import { createRandom, type Random } from './random.ts'
import type { NetworkFault } from '@titan/testkit'

/** The connections that a fault can hit: from each program to each server it uses, and from the clients to each API. */
export const LINKS: readonly string[] = [
  ...['api-1', 'api-2'].flatMap((from) => [`${from}>postgres`, `${from}>redis`, `client>${from}`]),
  ...['worker-1', 'worker-2', 'worker-3'].flatMap((from) =>
    ['postgres', 'redis', 'gateway'].map((to) => `${from}>${to}`),
  ),
]

/** The programs that a fault can hit. */
export const PROGRAMS = ['api-1', 'api-2', 'worker-1', 'worker-2', 'worker-3'] as const
export type ProgramId = (typeof PROGRAMS)[number]

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
  | { readonly type: 'gateway_kill' }
  /** Every charge is answered in this way for a while. */
  | { readonly type: 'gateway_storm'; readonly behaviour: string }
  /** All links whose name contains `link` are bad for a while. */
  | { readonly type: 'network'; readonly link: string; readonly fault: NetworkFault }

/** When a fault begins, and how long it lasts; milliseconds. */
export interface Event {
  readonly atMs: number
  readonly forMs: number
  readonly fault: Fault
}

const STORMS = '429 503 500_after reset_after hang_after hang_before garbage decline:soft'.split(' ')

/** Each kind with how often it is drawn, and how long it lasts at least and at most. */
const KINDS: readonly (readonly [
  weight: number,
  forMs: readonly [number, number],
  draw: (random: Random) => Fault,
])[] = [
  [5, [0, 0], (random) => ({ type: 'program_kill', program: random.pick(PROGRAMS) })],
  // Longer than the visibility timeout and the lease, so that another worker has reclaimed its jobs when it wakes up.
  [4, [8_000, 10_000], (random) => ({ type: 'program_stop', program: random.pick(PROGRAMS.slice(2)) })],
  [1, [500, 3_000], (random) => ({ type: 'program_stop', program: random.pick(PROGRAMS.slice(0, 2)) })],
  [2, [200, 3_000], () => ({ type: 'redis_kill', lose: false })],
  [2, [200, 3_000], () => ({ type: 'redis_kill', lose: true })],
  [2, [0, 0], () => ({ type: 'redis_flush' })],
  [1, [500, 4_000], () => ({ type: 'redis_stop' })],
  [
    2,
    [200, 2_000],
    (random) => ({ type: 'postgres_restart', signal: random.pick(['SIGKILL', 'SIGINT'] as const) }),
  ],
  [2, [0, 0], () => ({ type: 'postgres_terminate' })],
  [2, [200, 2_000], () => ({ type: 'gateway_kill' })],
  [2, [500, 3_000], (random) => ({ type: 'gateway_storm', behaviour: random.pick(STORMS) })],
  [8, [500, 4_000], (random) => ({ type: 'network', link: drawLink(random), fault: drawNetwork(random) })],
]

/** One link mostly; now and then a server or a program is cut off from all others. */
function drawLink(random: Random): string {
  if (random.next() < 0.7) return random.pick(LINKS)
  return random.pick(['>postgres', '>redis', '>gateway', 'client>', ...PROGRAMS.map((from) => `${from}>`)])
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

/** Plans the faults of a run. The same seed, duration and pace (milliseconds between two faults) give the same ones. */
export function planFaults(options: Readonly<Record<'seed' | 'durationMs' | 'everyMs', number>>): Event[] {
  const { seed, durationMs, everyMs } = options
  const random = createRandom(seed)
  const events: Event[] = []
  for (let atMs = everyMs / 2; atMs < durationMs; atMs += everyMs * (0.5 + random.next())) {
    const [, [least, most], draw] = drawKind(random)
    events.push({ atMs: Math.round(atMs), forMs: random.between(least, most), fault: draw(random) })
  }
  return events
}

function drawKind(random: Random): (typeof KINDS)[number] {
  let point = random.next() * KINDS.reduce((sum, [weight]) => sum + weight, 0)
  const drawn = KINDS.find(([weight]) => (point -= weight) < 0)
  if (drawn === undefined) throw new RangeError('no kind of fault')
  return drawn
}
