import { settlesWithin } from '@titan/queue-core/async'

/**
 * Creates a function that reads a value on demand and shares it for `freshMs`. It resolves with undefined when the value
 * could not be read within `waitMs`, and never rejects. It neither hangs its callers nor piles up: a read that outlasts
 * `waitMs` continues, and no other one begins before it has ended.
 */
export function createReading<Value>(read: () => Promise<Value>, { freshMs = 1_000, waitMs = 2_000 } = {}) {
  let underWay: Promise<Value | undefined> | undefined
  let known: { readonly value: Value | undefined; readonly until: number } | undefined

  async function begin() {
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

  return async (): Promise<Value | undefined> => {
    if (underWay === undefined && known !== undefined && performance.now() < known.until) return known.value
    const reading = (underWay ??= begin())
    return (await settlesWithin(reading, waitMs)) ? reading : undefined
  }
}
