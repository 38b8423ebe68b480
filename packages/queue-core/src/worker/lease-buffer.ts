import type { HeldLease } from './held-lease.ts'
import { createPicker, LEVELS, type Level } from '../model/levels.ts'

/** Claimed jobs that wait for a free slot, one line per level. */
export interface LeaseBuffer {
  readonly size: number
  push(lease: HeldLease): void
  /** Puts a lease at the front of its line: the job has waited for a whole visibility timeout already. */
  pushFront(lease: HeldLease): void
  /** Takes the job to start next, by weight or strictly. */
  next(): HeldLease | undefined
  /** Takes up to `count` jobs that would be started last. */
  takeLast(count: number): HeldLease[]
  /** Empties the buffer. */
  drain(): HeldLease[]
}

/** Creates an empty buffer; without weights a lower level is served only when nothing above waits. */
export function createBuffer(weights: readonly number[] | undefined): LeaseBuffer {
  const lines: HeldLease[][] = LEVELS.map(() => [])
  const heads = [0, 0, 0]
  const pick = createPicker(weights)
  const hasWork = (level: Level): boolean => (lines[level]?.length ?? 0) > (heads[level] ?? 0)
  let size = 0

  return {
    get size() {
      return size
    },
    push(lease) {
      lines[lease.level]?.push(lease)
      size++
    },
    pushFront(lease) {
      const line = lines[lease.level] ?? []
      line.splice(heads[lease.level] ?? 0, 0, lease)
      size++
    },
    next() {
      while (size > 0) {
        const level = pick(hasWork)
        const line = lines[level] ?? []
        const head = heads[level] ?? 0
        const lease = line[head]
        size--
        if (head + 1 >= line.length) {
          lines[level] = []
          heads[level] = 0
        } else heads[level] = head + 1
        if (lease !== undefined && !lease.lost) return lease
      }
      return undefined
    },
    takeLast(count) {
      const taken: HeldLease[] = []
      for (const level of LEVELS.toReversed()) {
        const line = lines[level] ?? []
        const there = line.length - (heads[level] ?? 0)
        taken.push(...line.splice(line.length - Math.min(there, count - taken.length)))
      }
      size -= taken.length
      return taken.filter((lease) => !lease.lost)
    },
    drain() {
      const all = LEVELS.flatMap((level) => (lines[level] ?? []).slice(heads[level]))
      for (const level of LEVELS) {
        lines[level] = []
        heads[level] = 0
      }
      size = 0
      return all.filter((lease) => !lease.lost)
    },
  }
}
