/** A value that is read when somebody asks, and shared for a moment. */
export interface Reading<Value> {
  /** The value; undefined when it could not be read in time. Never rejects. */
  get(): Promise<Value | undefined>
}

/** Options of {@link createReading}. */
export interface ReadingOptions {
  /** How long a value is shared, in milliseconds. @default 1000 */
  readonly freshMs?: number
  /** How long somebody who asks waits at most, in milliseconds. @default 2000 */
  readonly waitMs?: number
}

/**
 * Makes a reading that never hangs and never piles up: one that is still under way when its time is over goes on, and
 * no other one is begun until it has ended.
 */
export function createReading<Value>(
  read: () => Promise<Value>,
  options: ReadingOptions = {},
): Reading<Value> {
  const { freshMs = 1_000, waitMs = 2_000 } = options
  let underWay: Promise<Value | undefined> | undefined
  let known: { readonly value: Value | undefined; readonly until: number } | undefined

  async function begin(): Promise<Value | undefined> {
    let value: Value | undefined
    try {
      value = await read()
    } catch {
      // Whoever asks is told by the missing value; the programs log what is wrong with their servers.
    }
    known = { value, until: performance.now() + freshMs }
    underWay = undefined
    return value
  }

  return {
    async get() {
      if (underWay === undefined && known !== undefined && performance.now() < known.until) return known.value
      underWay ??= begin()
      let timer: NodeJS.Timeout | undefined
      const expiry = new Promise<undefined>((resolve) => {
        timer = setTimeout(resolve, waitMs, undefined)
      })
      try {
        return await Promise.race([underWay, expiry])
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
