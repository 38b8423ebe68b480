import { withDeadline } from '@titan/queue-core/async'

/** How long viewers share what was read, in milliseconds. */
const FRESH_MS = 1_000
/** A store that does not reply within this time counts as unavailable, in milliseconds: a page that says so is better than none. */
const WAIT_MS = 3_000

/** Shares what was read for a short time, so that any number of viewers cost as much as one. */
export class Cache {
  readonly #entries = new Map<string, { readonly value: Promise<unknown>; until: number }>()

  /** Returns the value under `key`. Reads it at most once while it is read and fresh, failures included. */
  get<Value>(key: string, read: () => Promise<Value>): Promise<Value> {
    const now = performance.now()
    for (const [other, { until }] of this.#entries) if (until <= now) this.#entries.delete(other)
    const known = this.#entries.get(key)
    if (known !== undefined) return known.value as Promise<Value>
    const value = withDeadline(read(), WAIT_MS, () => new Error(`No reply within ${WAIT_MS} ms`))
    // A slow store gets no second read of the same: that would make it slower.
    const entry = { value, until: Infinity }
    this.#entries.set(key, entry)
    const startAging = (): void => {
      entry.until = performance.now() + FRESH_MS
    }
    // Every caller receives the failure. Without a caller it must not end the process.
    value.then(startAging, startAging)
    return value
  }

  /** Returns a part for one account: what it reads is never shown to another one. */
  of(account: string): Pick<Cache, 'get'> {
    return { get: (key, read) => this.get(`${account}: ${key}`, read) }
  }

  /** Forgets everything, because something changed. */
  clear(): void {
    this.#entries.clear()
  }
}
