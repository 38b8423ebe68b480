import { setTimeout as pause } from 'node:timers/promises'
import { openDatabase } from '@titan/payments'
import { createClient } from 'redis'
import type { Fleet } from './fleet.ts'
import type { Event, Fault } from './schedule.ts'

/** Makes faults happen. */
export interface FaultMaker {
  /** Lets one fault happen and end. Faults of the same thing wait for each other. */
  make(event: Event): Promise<void>
  /** Ends every fault at once, and waits until everything is up. */
  heal(): Promise<void>
}

/** Makes faults in a fleet. */
export function createFaultMaker(fleet: Fleet): FaultMaker {
  const { postgres, redis, gateway, programs, links } = fleet
  const busy = new Map<string, Promise<void>>()
  const healing = new AbortController()

  /** The fault lasts until its time is over, or until everything is healed. */
  async function last(forMs: number): Promise<void> {
    await pause(forMs, undefined, { signal: healing.signal }).catch(() => undefined)
  }

  const makers: { readonly [Type in Fault['type']]: Maker<Type> } = {
    program_kill: async ({ program }) => programs.get(program)?.current()?.kill(),
    async program_stop({ program }, forMs) {
      const stopped = programs.get(program)?.current()
      stopped?.signal('SIGSTOP')
      await last(forMs)
      stopped?.signal('SIGCONT')
    },
    async redis_kill({ lose }, forMs) {
      await redis.kill()
      if (lose) redis.lose()
      await last(forMs)
      await redis.start()
    },
    redis_flush: flush,
    async redis_stop(_fault, forMs) {
      redis.freeze()
      await last(forMs)
      redis.thaw()
    },
    async postgres_restart({ signal }, forMs) {
      await (signal === 'SIGKILL' ? postgres.kill() : postgres.stop())
      await last(forMs)
      await postgres.start()
    },
    postgres_terminate: terminate,
    async gateway_kill(_fault, forMs) {
      await gateway.kill()
      await last(forMs)
      await gateway.start()
    },
    async gateway_storm({ behaviour }, forMs) {
      await gateway.simulator()?.order({ behaviours: [behaviour], times: null })
      await last(forMs)
      await gateway.simulator()?.reset()
    },
    async network({ link, fault }, forMs) {
      const hit = [...links].filter(([name]) => name.includes(link)).map(([, proxy]) => proxy)
      await Promise.all(hit.map((proxy) => proxy.set(fault)))
      await last(forMs)
      await Promise.all(hit.map((proxy) => proxy.set(undefined)))
    },
  }

  async function flush(): Promise<void> {
    const client = createClient({ url: `redis://127.0.0.1:${redis.port()}` })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.flushAll()
    } finally {
      client.destroy()
    }
  }

  async function terminate(): Promise<void> {
    const sql = openDatabase(postgres.urlAt(postgres.port() ?? 0), { poolSize: 1 })
    try {
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'titan-%'`
    } finally {
      await sql.end({ timeout: 1 })
    }
  }

  return {
    async make({ fault, forMs }) {
      const subject = subjectOf(fault)
      const before = busy.get(subject) ?? Promise.resolve()
      const happening = before.then(() => (healing.signal.aborted ? undefined : happen(makers, fault, forMs)))
      busy.set(subject, happening)
      await happening
    },
    async heal() {
      healing.abort()
      await Promise.all(busy.values())
    },
  }
}

type Maker<Type extends Fault['type']> = (
  fault: Extract<Fault, { readonly type: Type }>,
  forMs: number,
) => Promise<void>

function happen<Type extends Fault['type']>(
  makers: { readonly [Each in Type]: Maker<Each> },
  fault: Extract<Fault, { readonly type: Type }>,
  forMs: number,
): Promise<void> {
  return makers[fault.type](fault, forMs)
}

/** What a fault is of: a server, a program, or the network as a whole. */
function subjectOf(fault: Fault): string {
  return 'program' in fault ? fault.program : (fault.type.split('_')[0] ?? '')
}
