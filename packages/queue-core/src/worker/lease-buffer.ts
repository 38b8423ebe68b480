import type { Held } from './held-lease.ts'
import { createPicker, LEVELS, type Level } from '../model/levels.ts'

/** Claimed jobs that wait for a free slot, a line per level. */
export interface LeaseBuffer {
  readonly size: number
  push(held: Held): void
  /** Ahead of the line: it has waited for a whole visibility timeout already. */
  pushFront(held: Held): void
  /** The job to start next, by weight or strictly. */
  next(): Held | undefined
  /** Takes up to `count` jobs out that would be started last. */
  takeLast(count: number): Held[]
  /** Empties the buffer. */
  drain(): Held[]
}

/** Makes an empty buffer; without weights a lower level is served only when nothing above waits. */
export function createBuffer(weights: readonly number[] | undefined): LeaseBuffer {
  const lines: Held[][] = LEVELS.map(() => [])
  const heads = [0, 0, 0]
  const pick = createPicker(weights)
  const hasWork = (level: Level): boolean => (lines[level]?.length ?? 0) > (heads[level] ?? 0)
  let size = 0

  return {
    get size() {
      return size
    },
    push(held) {
      lines[held.level]?.push(held)
      size++
    },
    pushFront(held) {
      const line = lines[held.level] ?? []
      line.splice(heads[held.level] ?? 0, 0, held)
      size++
    },
    next() {
      while (size > 0) {
        const level = pick(hasWork)
        const line = lines[level] ?? []
        const head = heads[level] ?? 0
        const held = line[head]
        size--
        if (head + 1 >= line.length) {
          lines[level] = []
          heads[level] = 0
        } else heads[level] = head + 1
        if (held !== undefined && !held.lost) return held
      }
      return undefined
    },
    takeLast(count) {
      const taken: Held[] = []
      for (const level of LEVELS.toReversed()) {
        const line = lines[level] ?? []
        const there = line.length - (heads[level] ?? 0)
        taken.push(...line.splice(line.length - Math.min(there, count - taken.length)))
      }
      size -= taken.length
      return taken.filter((held) => !held.lost)
    },
    drain() {
      const all = LEVELS.flatMap((level) => (lines[level] ?? []).slice(heads[level]))
      for (const level of LEVELS) {
        lines[level] = []
        heads[level] = 0
      }
      size = 0
      return all.filter((held) => !held.lost)
    },
  }
}
