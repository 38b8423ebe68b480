import { kindsOf, linksOf, turnKindsOf, type Fault, type Kind, type System } from './kinds.ts'
import { createRandom, type Random } from './random.ts'

/** When a fault begins, and how long it lasts; milliseconds. */
export interface Event {
  readonly atMs: number
  readonly forMs: number
  readonly fault: Fault
}

/** What decides about the faults of a run. */
interface Plan extends System {
  readonly seed: number
}

/**
 * Plans faults that may overlap. The same topology, seed, duration and pace (milliseconds between two faults) give the
 * same ones.
 */
export function planFaults(options: Plan & Readonly<Record<'durationMs' | 'everyMs', number>>): Event[] {
  const { seed, durationMs, everyMs } = options
  const random = createRandom(seed)
  const [kinds, links] = [kindsOf(options), linksOf(options)]
  const events: Event[] = []
  for (let atMs = everyMs / 2; atMs < durationMs; atMs += everyMs * (0.5 + random.next())) {
    const [, [least, most], draw] = drawKind(random, kinds)
    events.push({ atMs: Math.round(atMs), forMs: random.between(least, most), fault: draw(random, links) })
  }
  return events
}

/**
 * Plans faults without end that follow each other: each kind once, in any order, then each kind again. `only` names the
 * types of faults that are made.
 *
 * @throws RangeError when the topology has no such fault
 */
export function* planTurns({
  on,
  seed,
  only,
}: Plan & { readonly only: readonly string[] | undefined }): Generator<Omit<Event, 'atMs'>> {
  const random = createRandom(seed)
  const links = linksOf({ on })
  for (;;) {
    const round = shuffle(random, turnKindsOf(on)).map(([, [least, most], draw]) => ({
      forMs: random.between(least, most),
      fault: draw(random, links),
    }))
    const types = round.map(({ fault }) => fault.type)
    const unknown = only?.filter((name) => !types.some((type) => type === name)) ?? []
    if (unknown.length > 0)
      throw new RangeError(
        `${unknown.join(', ')}: no fault of ${on}, which has ${[...new Set(types)].join(', ')}`,
      )
    yield* round.filter(({ fault }) => only?.includes(fault.type) ?? true)
  }
}

function drawKind(random: Random, kinds: readonly Kind[]): Kind {
  let point = random.next() * kinds.reduce((sum, [weight]) => sum + weight, 0)
  const drawn = kinds.find(([weight]) => (point -= weight) < 0)
  if (drawn === undefined) throw new RangeError('no kind of fault')
  return drawn
}

function shuffle<Item>(random: Random, items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, rank: random.next() }))
    .toSorted((one, other) => one.rank - other.rank)
    .map(({ item }) => item)
}
