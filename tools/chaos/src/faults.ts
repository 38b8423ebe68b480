import { setTimeout as pause } from 'node:timers/promises'
import { openDatabase } from '@titan/payments'
import { createClient } from 'redis'
import type { Fleet } from './fleet.ts'
import type { Event, Fault } from './schedule.ts'

/** Makes faults happen in a fleet. */
export class FaultMaker {
  readonly #effects: Effects
  readonly #busy = new Map<string, Promise<void>>()
  readonly #healing = new AbortController()

  constructor(fleet: Fleet) {
    this.#effects = effectsOn(fleet)
  }

  /** Lets one fault begin and end. Faults of the same subject wait for each other. */
  async make({ fault, forMs }: Event): Promise<void> {
    const subject = subjectOf(fault)
    const before = this.#busy.get(subject) ?? Promise.resolve()
    const happening = before.then(() => this.#happen(effectOf(this.#effects, fault), forMs))
    this.#busy.set(subject, happening)
    await happening
  }

  /** Ends every fault at once, and waits until everything is up. */
  async heal(): Promise<void> {
    this.#healing.abort()
    await Promise.all(this.#busy.values())
  }

  async #happen({ begin, end }: Effect, forMs: number): Promise<void> {
    if (this.#healing.signal.aborted) return
    await begin()
    if (end === undefined) return
    await pause(forMs, undefined, { signal: this.#healing.signal }).catch(() => undefined)
    await end()
  }
}

/** How a fault begins, and how it ends if it lasts. */
interface Effect {
  begin(): unknown
  end?(): unknown
}

type Effects = {
  readonly [Type in Fault['type']]: (fault: Extract<Fault, { readonly type: Type }>) => Effect
}

function effectsOn({ postgres, redis, gateway, programs, links }: Fleet): Effects {
  return {
    program_kill: ({ program }) => ({ begin: () => programs.get(program)?.current()?.kill() }),
    program_stop({ program }) {
      const stopped = programs.get(program)?.current()
      return { begin: () => stopped?.signal('SIGSTOP'), end: () => stopped?.signal('SIGCONT') }
    },
    redis_kill: ({ lose }) => ({
      async begin() {
        await redis.kill()
        if (lose) redis.lose()
      },
      end: () => redis.start(),
    }),
    redis_flush: () => ({ begin: () => flush(redis.port()) }),
    redis_stop: () => ({ begin: redis.freeze, end: redis.thaw }),
    postgres_restart: ({ signal }) => ({
      begin: () => (signal === 'SIGKILL' ? postgres.kill() : postgres.stop()),
      end: () => postgres.start(),
    }),
    postgres_terminate: () => ({ begin: () => terminate(postgres.urlAt(postgres.port() ?? 0)) }),
    gateway_kill: () => ({ begin: () => gateway.kill(), end: () => gateway.start() }),
    gateway_storm: ({ behaviour }) => ({
      begin: () => gateway.simulator()?.order({ behaviours: [behaviour], times: null }),
      end: () => gateway.simulator()?.reset(),
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
  effects: { readonly [Each in Type]: (fault: Extract<Fault, { readonly type: Each }>) => Effect },
  fault: Extract<Fault, { readonly type: Type }>,
): Effect {
  return effects[fault.type](fault)
}

async function flush(port: number | undefined): Promise<void> {
  const client = createClient({ url: `redis://127.0.0.1:${port}` })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.flushAll()
  } finally {
    client.destroy()
  }
}

async function terminate(url: string): Promise<void> {
  const sql = openDatabase(url, { poolSize: 1 })
  try {
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'titan-%'`
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Names what a fault hits: a server, a program, or the network as a whole. */
function subjectOf(fault: Fault): string {
  return 'program' in fault ? fault.program : (fault.type.split('_')[0] ?? '')
}
