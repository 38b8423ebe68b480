/** A value that is read on demand, and shared for a short time. */
export interface Reading<Value> {
  /** Returns the value; undefined when it could not be read in time. Never rejects. */
  get(): Promise<Value | undefined>
}

/** Options of {@link createReading}. */
export interface ReadingOptions {
  /** How long a value is shared, in milliseconds. @default 1000 */
  readonly freshMs?: number
  /** How long a caller waits at most, in milliseconds. @default 2000 */
  readonly waitMs?: number
}

/**
 * Creates a reading that neither hangs its callers nor piles up: a read that outlasts `waitMs` continues, and no other
 * one begins before it has ended.
 */
export function createReading<Value>(
  read: () => Promise<Value>,
  { freshMs = 1_000, waitMs = 2_000 }: ReadingOptions = {},
): Reading<Value> {
  let underWay: Promise<Value | undefined> | undefined
  let known: { readonly value: Value | undefined; readonly until: number } | undefined

  async function begin(): Promise<Value | undefined> {
    let value: Value | undefined
    try {
      value = await read()
    } catch {
      // The missing value says enough here: the programs log what is wrong with their servers.
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
