import { createHash } from 'node:crypto'

/** Random choices that a seed repeats. */
export type Random = ReturnType<typeof createRandom>

/** Creates random choices: the same seed gives the same ones in the same order. */
export function createRandom(seed: number | string) {
  let count = 0
  /** Returns a number from 0 up to, not including, 1. */
  const next = (): number =>
    createHash('sha256').update(`${seed} ${count++}`).digest().readUIntBE(0, 6) / 2 ** 48
  return {
    next,
    /** Returns a whole number from `least` to `most`. */
    between: (least: number, most: number) => least + Math.floor(next() * (most - least + 1)),
    pick<Item>(items: readonly Item[]): Item {
      const item = items[Math.floor(next() * items.length)]
      if (item === undefined) throw new RangeError('nothing to pick from')
      return item
    },
  }
}
