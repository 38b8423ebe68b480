/** Numbers in order, for results whose order does not matter. */
export function sorted(numbers: Iterable<number>): number[] {
  return [...numbers].toSorted((a, b) => a - b)
}

/** `count` numbers from 0. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_none, index) => index)
}

/** Jobs of the usual name with the numbers from 0 as data. */
export function jobs(count: number): { readonly name: 'work'; readonly data: number }[] {
  return range(count).map((data) => ({ name: 'work', data }))
}
