import { createPicker, LEVELS, type Level } from '../model/levels.ts'
import type { HeldLease } from './held-lease.ts'

/** Claimed jobs that wait for a free slot, one line per level. */
export class LeaseBuffer {
  readonly #lines: [HeldLease[], HeldLease[], HeldLease[]] = [[], [], []]
  /** Where each line begins: to shift a line costs more the longer it is. */
  readonly #heads: [number, number, number] = [0, 0, 0]
  #size = 0
  readonly #pick: ReturnType<typeof createPicker>
  readonly #hasWork = (level: Level): boolean => this.#lines[level].length > this.#heads[level]

  /** Without weights a lower level is served only when nothing above waits. */
  constructor(weights: readonly number[] | undefined) {
    this.#pick = createPicker(weights)
  }

  get size(): number {
    return this.#size
  }

  push(lease: HeldLease): void {
    this.#lines[lease.level].push(lease)
    this.#size++
  }

  /** Puts a lease at the front of its line: the job has waited for a whole visibility timeout already. */
  pushFront(lease: HeldLease): void {
    this.#lines[lease.level].splice(this.#heads[lease.level], 0, lease)
    this.#size++
  }

  /** Takes the job to start next, by weight or strictly. */
  next(): HeldLease | undefined {
    while (this.#size > 0) {
      const level = this.#pick(this.#hasWork)
      const lease = this.#lines[level][this.#heads[level]++]
      this.#size--
      if (!this.#hasWork(level)) this.#empty(level)
      if (lease !== undefined && !lease.lost) return lease
    }
    return undefined
  }

  /** Takes up to `count` jobs that would be started last. */
  takeLast(count: number): HeldLease[] {
    const taken: HeldLease[] = []
    for (const level of LEVELS.toReversed()) {
      const line = this.#lines[level]
      taken.push(...line.splice(Math.max(this.#heads[level], line.length - (count - taken.length))))
    }
    this.#size -= taken.length
    return taken.filter((lease) => !lease.lost)
  }

  drain(): HeldLease[] {
    return LEVELS.flatMap((level) => this.#empty(level)).filter((lease) => !lease.lost)
  }

  #empty(level: Level): HeldLease[] {
    const rest = this.#lines[level].slice(this.#heads[level])
    this.#lines[level] = []
    this.#heads[level] = 0
    this.#size -= rest.length
    return rest
  }
}
