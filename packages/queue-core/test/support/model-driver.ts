import { expect } from 'vitest'
import * as broker from '../../src/redis/commands.ts'
import type { Queue } from '../../src/index.ts'
import { LEVELS, priorityOf, type Level } from '../../src/model/levels.ts'
import { settle, type Settlement } from '../../src/redis/settle.ts'
import type { Handle, Model, ModelJob, Spec, Verb } from './model.ts'
import type { Place, TestJobs } from './place.ts'

/** Does to a real queue what the model is told, and compares what comes of it. */
export interface Driver {
  enqueue(model: Model, spec: Spec): Promise<void>
  promote(model: Model): Promise<void>
  claim(model: Model, consumer: string, level: Level, count: number): Promise<void>
  takeOver(model: Model, consumer: string, count: number, lapsed: boolean): Promise<void>
  settle(model: Model, settlements: readonly (readonly [Handle, Verb])[]): Promise<void>
  renew(model: Model, handles: readonly Handle[]): Promise<void>
  cancel(model: Model, job: ModelJob): Promise<void>
  reschedule(model: Model, job: ModelJob, when: 'past' | 'future'): Promise<void>
  redrive(model: Model): Promise<void>
  setPaused(model: Model, paused: boolean): Promise<void>
  /** Every job is counted in the state in which it is meant to be. */
  compare(model: Model): Promise<void>
}

const GROUP = 'workers'
const FAR_MS = 3_600_000

export async function createDriver(place: Place, queue: Queue<TestJobs>): Promise<Driver> {
  const { part } = place
  // A different time for every due job, so that their order is known; all of them lie in the past.
  let clock = 0
  await broker.createGroup(part, GROUP)

  const numberOf = (lease: broker.Claimed): number => Number(lease.job?.data)
  const ownerOf = (consumer: string) => ({ group: GROUP, consumer, dedupeMs: FAR_MS, visibilityMs: FAR_MS })

  function accept(
    model: Model,
    consumer: string,
    leases: readonly broker.Claimed[],
    expected: ModelJob[],
  ): void {
    expect(leases.map(numberOf)).toEqual(expected.map((job) => job.number))
    for (const [index, lease] of leases.entries()) {
      const job = expected[index]
      if (job === undefined) continue
      // A job taken over has the entry it had; its count has grown.
      if (job.state !== 'ready')
        expect([lease.entryId, lease.deliveryCount]).toEqual([job.entryId, job.count + 1])
      model.claim(job, consumer, lease.entryId, lease.deliveryCount)
    }
  }

  function settlementOf({ job, entryId, count }: Handle, verb: Verb): Settlement {
    const meta = {
      id: job.name,
      ...(job.id === undefined ? {} : { dedupe: 1 }),
      ...(job.key === undefined ? {} : { orderingKey: job.key }),
    }
    return {
      verb: verb === 'retryNow' || verb === 'retryLater' ? 'retry' : verb,
      level: job.level,
      fence: { entryId, deliveryCount: count },
      id: job.name,
      dedupe: job.id !== undefined,
      orderingKey: job.key ?? '',
      first:
        ({ retryLater: String(FAR_MS), retryNow: '0', dead: evidenceOf(job) } as Record<string, string>)[
          verb
        ] ?? '',
      second: JSON.stringify(meta),
    }
  }

  function evidenceOf(job: ModelJob): string {
    return JSON.stringify({
      id: job.name,
      cause: 'handler_error',
      error: 'boom',
      priority: priorityOf(job.level),
    })
  }

  return {
    async enqueue(model, spec) {
      const due = spec.when === 'past' ? ++clock : Infinity
      const answer = await queue.enqueue('work', model.jobs.length, {
        priority: priorityOf(spec.level),
        ...(spec.id === undefined ? {} : { id: spec.id }),
        ...(spec.key === undefined ? {} : { orderingKey: spec.key }),
        ...(spec.when === 'past' ? { runAt: due } : spec.when === 'future' ? { delayMs: FAR_MS } : {}),
      })
      expect(answer.duplicate).toBe(model.isDuplicate(spec))
      if (!answer.duplicate) model.enqueue(spec, answer.id, due)
    },
    async promote(model) {
      const { moved, paused } = await broker.promote(part, 1_000)
      expect([moved, paused]).toEqual([model.promote(), model.paused])
    },
    async claim(model, consumer, level, count) {
      const claimed = await broker.read(part, { group: GROUP, consumer }, [level], count, 0)
      accept(model, consumer, claimed[level] ?? [], model.peek(level, count))
    },
    async takeOver(model, consumer, count, lapsed) {
      const owner = { ...ownerOf(consumer), visibilityMs: lapsed ? 0 : FAR_MS }
      const notTold = { crashes: 0, mayTake: true }
      const reply = await broker.reclaim(part, owner, count, ['-', '-', '-'], notTold)
      expect(reply.gone).toEqual([])
      accept(model, consumer, reply.taken, model.takeable(consumer, count, lapsed))
    },
    async settle(model, settlements) {
      const [first] = settlements
      if (first === undefined) return
      const [{ consumer }] = first
      const held = settlements.map(([handle]) => model.isHeld(handle))
      const reply = await settle(
        part,
        ownerOf(consumer),
        settlements.map(([handle, verb]) => settlementOf(handle, verb)),
      )
      expect(settlements.map((_settlement, index) => !reply.lost.has(index))).toEqual(held)
      expect(reply.paused).toBe(model.paused)
      // The script ends plain first deliveries before all others, level by level.
      const isPlain = ([{ job, count }, verb]: readonly [Handle, Verb]): boolean =>
        verb === 'ack' && job.id === undefined && job.key === undefined && count === 1
      const kept = settlements.filter((_settlement, index) => held[index])
      for (const [handle, verb] of [...kept.filter(isPlain), ...kept.filter((one) => !isPlain(one))])
        model.settle(handle, verb)
    },
    async renew(model, handles) {
      const [first] = handles
      if (first === undefined) return
      const leases = handles.map(({ job, entryId, count }) => {
        return { level: job.level, entryId, deliveryCount: count, idleMs: 0 }
      })
      const { lost, paused } = await broker.renew(part, ownerOf(first.consumer), leases)
      expect(lost).toEqual(handles.flatMap((handle, index) => (model.isHeld(handle) ? [] : [index])))
      expect(paused).toBe(model.paused)
    },
    async cancel(model, job) {
      expect(await queue.cancel(job.name)).toBe(model.cancel(job.name))
    },
    async reschedule(model, job, when) {
      const due = when === 'past' ? ++clock : Infinity
      const answer = await queue.reschedule(job.name, when === 'past' ? { runAt: due } : { delayMs: FAR_MS })
      expect(answer).toBe(model.reschedule(job.name, due))
    },
    async redrive(model) {
      expect(await queue.redrive()).toEqual(model.redrive())
    },
    async setPaused(model, paused) {
      await (paused ? queue.pause() : queue.resume())
      model.paused = paused
    },
    async compare(model) {
      const stats = await queue.stats()
      const waiting = model.jobs.filter(({ state }) => state === 'ready' || state === 'released')
      expect(stats).toMatchObject({
        ready: waiting.length,
        readyByPriority: Object.fromEntries(
          LEVELS.map((level) => [priorityOf(level), waiting.filter((job) => job.level === level).length]),
        ),
        leased: model.count('leased'),
        delayed: model.count('delayed'),
        parked: model.count('parked'),
        dead: model.count('dead'),
        paused: model.paused,
      })
    },
  }
}
