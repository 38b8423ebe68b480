import { createHash } from 'node:crypto'

/** Random choices that a seed repeats. */
export interface Random {
  /** A number from 0 up to, not including, 1. */
  next(): number
  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number
  pick<Item>(items: readonly Item[]): Item
}

/** The same seed gives the same choices in the same order. */
export function createRandom(seed: number | string): Random {
  let count = 0
  const next = (): number =>
    createHash('sha256').update(`${seed} ${count++}`).digest().readUIntBE(0, 6) / 2 ** 48
  return {
    next,
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick(items) {
      const item = items[Math.floor(next() * items.length)]
      if (item === undefined) throw new RangeError('nothing to pick from')
      return item
    },
  }
}
