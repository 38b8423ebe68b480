import type { AmendResult } from '../../src/index.ts'
import { isEarlier, RELEASE_STEP } from '../../src/model/fence.ts'
import { LEVELS, type Level } from '../../src/model/levels.ts'

/** What a producer said about a job. */
export interface Spec {
  readonly level: Level
  readonly id: string | undefined
  readonly key: string | undefined
  /** `past`: delayed, and due already. */
  readonly when: 'now' | 'past' | 'future'
}

/** A job in the model, from enqueue to its end. */
export interface ModelJob extends Spec {
  /** The job's data, by which model and server agree on which one is meant. */
  readonly number: number
  /** The id that the library gave it, or the producer. */
  name: string
  state: 'ready' | 'released' | 'leased' | 'delayed' | 'parked' | 'dead' | 'done' | 'cancelled'
  /** It has another entry than the one that its id may name. */
  isMoved?: boolean
  /** Due time while it is delayed; `Infinity` = in the far future. */
  due: number
  owner: string
  /** Of the last delivery. */
  entryId: string
  count: number
}

/** A delayed job by any id, a waiting one by an id of its producer's or by one that names its entry. */
function isFindable({ id, name, state, isMoved }: ModelJob): boolean {
  return state === 'delayed' || id !== undefined || (/^\d+-\d+/.test(name) && isMoved !== true)
}

/** A lease as a consumer knows it, current or not. */
export interface Handle {
  readonly job: ModelJob
  readonly consumer: string
  readonly entryId: string
  readonly count: number
}

export type Verb = 'ack' | 'retryNow' | 'retryLater' | 'dead' | 'release'

/** The queue as it is meant to be: plain lists in memory, no clock. */
export interface Model {
  readonly jobs: ModelJob[]
  readonly handles: Handle[]
  paused: boolean
  isDuplicate(spec: Spec): boolean
  enqueue(spec: Spec, name: string, due: number): void
  /** Makes due jobs ready. */
  promote(): number
  /** Numbers of the jobs that a read must bring. */
  peek(level: Level, count: number): ModelJob[]
  claim(job: ModelJob, consumer: string, entryId: string, count: number): void
  /** Jobs that a takeover must bring, in order; `lapsed`: leases of others count as run out. */
  takeable(consumer: string, count: number, lapsed: boolean): ModelJob[]
  isHeld(handle: Handle): boolean
  settle(handle: Handle, verb: Verb): void
  cancel(name: string): AmendResult
  reschedule(name: string, due: number): AmendResult
  /** Makes dead letters ready again and answers how many were and how many were not. */
  redrive(): { redriven: number; skipped: number }
  count(...states: ModelJob['state'][]): number
}

const ENDED: readonly ModelJob['state'][] = ['done', 'cancelled', 'dead']

export function createModel(): Model {
  const jobs: ModelJob[] = []
  const handles: Handle[] = []
  const ready: ModelJob[][] = [[], [], []]
  const holders = new Map<string, ModelJob>()
  const parked: ModelJob[] = []
  const graveyard: ModelJob[] = []
  const doneIds = new Set<string>()

  const isLive = (id: string): boolean => jobs.some((job) => job.id === id && !ENDED.includes(job.state))
  const byName = (name: string): ModelJob | undefined =>
    jobs.find((job) => job.name === name && !ENDED.includes(job.state))

  function append(job: ModelJob): void {
    job.state = 'ready'
    ready[job.level]?.push(job)
  }

  function place(job: ModelJob): void {
    if (job.key !== undefined) {
      const holder = holders.get(job.key)
      if (holder !== undefined && holder !== job) {
        job.state = 'parked'
        parked.push(job)
        return
      }
      holders.set(job.key, job)
    }
    append(job)
  }

  function free(job: ModelJob): void {
    if (job.key === undefined || holders.get(job.key) !== job) return
    holders.delete(job.key)
    const next = parked.findIndex((waiting) => waiting.key === job.key)
    if (next < 0) return
    for (const waiting of parked.splice(next, 1)) place(waiting)
  }

  function remove(job: ModelJob): void {
    for (const line of [...ready, parked]) if (line.includes(job)) line.splice(line.indexOf(job), 1)
  }

  const byEntry = (a: ModelJob, b: ModelJob): number => (isEarlier(a.entryId, b.entryId) ? -1 : 1)

  const model: Model = {
    jobs,
    handles,
    paused: false,
    isDuplicate: ({ id }) => id !== undefined && (isLive(id) || doneIds.has(id)),
    enqueue(spec, name, due) {
      const job: ModelJob = {
        ...spec,
        number: jobs.length,
        name,
        state: 'delayed',
        due,
        owner: '',
        entryId: '',
        count: 0,
      }
      jobs.push(job)
      if (spec.when === 'now') place(job)
    },
    promote() {
      const due = jobs
        .filter((job) => job.state === 'delayed' && job.due < Infinity)
        .toSorted((a, b) => a.due - b.due)
      for (const job of due) place(job)
      return due.length
    },
    peek: (level, count) => (ready[level] ?? []).slice(0, count),
    claim(job, consumer, entryId, count) {
      remove(job)
      Object.assign(job, { state: 'leased', owner: consumer, entryId, count })
      handles.push({ job, consumer, entryId, count })
    },
    takeable(consumer, count, lapsed) {
      const taken: ModelJob[] = []
      for (const level of LEVELS) {
        const of = jobs.filter((job) => job.level === level)
        const released = of.filter((job) => job.state === 'released').toSorted(byEntry)
        const others = of.filter((job) => lapsed && job.state === 'leased' && job.owner !== consumer)
        taken.push(...released, ...others.toSorted(byEntry))
      }
      return taken.slice(0, count)
    },
    isHeld: ({ job, consumer, entryId, count }) =>
      job.state === 'leased' && job.owner === consumer && job.entryId === entryId && job.count === count,
    settle({ job }, verb) {
      if (verb === 'ack') {
        job.state = 'done'
        if (job.id !== undefined) doneIds.add(job.id)
        free(job)
      } else if (verb === 'dead') {
        job.state = 'dead'
        graveyard.push(job)
        free(job)
      } else if (verb === 'retryNow') {
        job.isMoved = true
        append(job)
      } else if (verb === 'retryLater') Object.assign(job, { state: 'delayed', due: Infinity, isMoved: true })
      else Object.assign(job, { state: 'released', count: job.count + RELEASE_STEP - 1 })
    },
    cancel(name) {
      const job = byName(name)
      if (job === undefined || !isFindable(job)) return 'unknown'
      if (job.state === 'leased') return 'leased'
      remove(job)
      job.state = 'cancelled'
      free(job)
      return 'done'
    },
    reschedule(name, due) {
      const job = byName(name)
      if (job === undefined || !isFindable(job)) return 'unknown'
      if (job.state === 'leased') return 'leased'
      if (job.state !== 'delayed') return 'ready'
      job.due = due
      return 'done'
    },
    redrive() {
      let redriven = 0
      const letters = graveyard.splice(0)
      for (const job of letters) {
        if (job.id !== undefined && (isLive(job.id) || doneIds.has(job.id))) graveyard.push(job)
        else {
          redriven++
          job.isMoved = true
          place(job)
        }
      }
      return { redriven, skipped: letters.length - redriven }
    },
    count: (...states) => jobs.filter((job) => states.includes(job.state)).length,
  }
  return model
}
