import { setTimeout as pause } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import type { Span } from './gaps.ts'
import type { Fault } from './kinds.ts'
import type { Event } from './schedule.ts'
import type { Effect, Effects } from './stores/store.ts'

/** Makes faults happen in a fleet. */
export class FaultMaker {
  /** The faults so far. One that has not ended has no end yet. */
  readonly spans: Span[] = []
  readonly #effects: Partial<Effects>
  readonly #busy = new Map<string, Promise<void>>()
  readonly #healing = new AbortController()

  constructor(fleet: Fleet) {
    this.#effects = effectsOn(fleet)
  }

  /** Lets one fault begin and end. Faults of the same subject wait for each other. */
  async make({ fault, forMs }: Omit<Event, 'atMs'>): Promise<void> {
    const subject = subjectOf(fault)
    const before = this.#busy.get(subject) ?? Promise.resolve()
    const happening = before.then(() => this.#happen(fault, forMs))
    this.#busy.set(subject, happening)
    await happening
  }

  /** Ends every fault at once, and waits until everything is up. */
  async heal(): Promise<void> {
    this.#healing.abort()
    await Promise.all(this.#busy.values())
  }

  async #happen(fault: Fault, forMs: number): Promise<void> {
    if (this.#healing.signal.aborted) return
    const { begin, end } = effectOf(this.#effects, fault)
    const span: Span = { fault: nameOf(fault), from: Date.now(), to: Infinity }
    this.spans.push(span)
    await begin()
    if (end !== undefined) {
      await pause(forMs, undefined, { signal: this.#healing.signal }).catch(() => undefined)
      await end()
    }
    span.to = Date.now()
  }
}

function effectsOn({ stores, gateways, programs, links }: Fleet): Partial<Effects> {
  const chosen = (pick: number): Fleet['gateways'][number] => {
    const gateway = gateways[Math.floor(pick * gateways.length)]
    if (gateway === undefined) throw new RangeError('there is no gateway')
    return gateway
  }
  return {
    ...stores.postgres.effects,
    ...stores.redis.effects,
    program_kill: ({ program }) => ({ begin: () => programs.get(program)?.current()?.kill() }),
    program_stop({ program }) {
      const stopped = programs.get(program)?.current()
      return { begin: () => stopped?.signal('SIGSTOP'), end: () => stopped?.signal('SIGCONT') }
    },
    gateway_kill: ({ pick }) => ({ begin: () => chosen(pick).kill(), end: () => chosen(pick).start() }),
    gateway_storm: ({ pick, behaviour }) => ({
      begin: () =>
        chosen(pick)
          .simulator()
          ?.order({ behaviours: [behaviour], times: null }),
      end: () => chosen(pick).simulator()?.reset(),
    }),
    network({ link, fault }) {
      const hit = [...links].filter(([name]) => name.includes(link)).map(([, proxy]) => proxy)
      return {
        begin: () => Promise.all(hit.map((proxy) => proxy.set(fault))),
        end: () => Promise.all(hit.map((proxy) => proxy.set())),
      }
    },
  }
}

function effectOf<Type extends Fault['type']>(
  effects: Partial<Effects<Type>>,
  fault: Extract<Fault, { readonly type: Type }>,
): Effect {
  const effect = effects[fault.type]
  if (effect === undefined) throw new RangeError(`${fault.type} is no fault of this topology`)
  return effect(fault)
}

/** Names the kind of a fault, as the report counts it. */
function nameOf(fault: Fault): string {
  return fault.type === 'network' ? `network_${fault.fault.type}` : fault.type
}

/** Names what a fault hits: a server, a program, or the network as a whole. */
function subjectOf(fault: Fault): string {
  return 'program' in fault ? fault.program : (fault.type.split('_')[0] ?? '')
}
