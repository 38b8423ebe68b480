/** Takes a place in this turn of the event loop: undefined when there is room, else a promise of one in a later turn. */
export type TakeTurn = (amount: number) => Promise<void> | undefined

/**
 * Lets calls begin until `perTurn` is used up; the others begin, in their order, when what was sent in this turn is on
 * the wire. The server then works on the first calls while the next are made; otherwise each side would wait for all of
 * the other's.
 */
export function createFairTurns(perTurn: number): TakeTurn {
  const waiting: { readonly amount: number; readonly begin: () => void }[] = []
  let used = 0
  let isPlanned = false

  function plan(): void {
    if (isPlanned) return
    isPlanned = true
    // Two, because the client writes in the first and schedules it after us.
    setImmediate(() => setImmediate(next))
  }

  function next(): void {
    isPlanned = false
    used = 0
    let count = 0
    for (const { amount, begin } of waiting) {
      if (used >= perTurn) break
      used += amount
      count++
      begin()
    }
    waiting.splice(0, count)
    if (used > 0) plan()
  }

  return (amount) => {
    if (waiting.length > 0 || used >= perTurn)
      return new Promise((resolve) => waiting.push({ amount, begin: resolve }))
    used += amount
    plan()
    return undefined
  }
}
