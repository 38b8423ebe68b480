import { withDeadline } from '@titan/queue-core/async'

/** How long viewers share what was read, in milliseconds. */
const FRESH_MS = 1_000
/** A store that does not reply within this time counts as unavailable, in milliseconds: a page that says so is better than none. */
const WAIT_MS = 3_000

/** Shares what was read for a short time, so that any number of viewers cost as much as one. */
export class Cache {
  readonly #entries = new Map<string, { readonly value: Promise<unknown>; readonly until: number }>()

  /** Returns the value under `key`; reads it at most once while it is fresh, failures included. */
  get<Value>(key: string, read: () => Promise<Value>): Promise<Value> {
    const now = performance.now()
    const entry = this.#entries.get(key)
    if (entry !== undefined && now < entry.until) return entry.value as Promise<Value>
    for (const [other, { until }] of this.#entries) if (until <= now) this.#entries.delete(other)
    const value = withDeadline(read(), WAIT_MS, () => new Error(`No reply within ${WAIT_MS} ms`))
    // Every caller receives the failure. Without a caller it must not end the process.
    value.catch(() => undefined)
    this.#entries.set(key, { value, until: now + FRESH_MS })
    return value
  }

  /** Forgets everything, because something changed. */
  clear(): void {
    this.#entries.clear()
  }
}
