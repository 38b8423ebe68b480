import { withDeadline } from '@titan/queue-core/async'

/** Shares what was read for a short time, so that any number of viewers cost as much as one. */
export interface Cache {
  /** The value under `key`; read at most once while it is fresh, failures included. */
  get<Value>(key: string, read: () => Promise<Value>): Promise<Value>
  /** Forgets everything: something was changed. */
  clear(): void
}

/** Creates a cache. `freshMs`: how long a value is shared. `waitMs`: how long a reading may take before it counts as failed. */
export function createCache({
  freshMs,
  waitMs,
}: {
  readonly freshMs: number
  readonly waitMs: number
}): Cache {
  const entries = new Map<string, { readonly value: Promise<unknown>; readonly until: number }>()
  return {
    get<Value>(key: string, read: () => Promise<Value>): Promise<Value> {
      const now = performance.now()
      const entry = entries.get(key)
      if (entry !== undefined && now < entry.until) return entry.value as Promise<Value>
      for (const [other, { until }] of entries) if (until <= now) entries.delete(other)
      // A store that does not answer in time counts as away: a page that says so is better than none.
      const value = withDeadline(read(), waitMs, () => new Error(`No reply within ${waitMs} ms`))
      // Every caller receives the failure. Without a caller it must not end the process.
      value.catch(() => undefined)
      entries.set(key, { value, until: now + freshMs })
      return value
    },
    clear: () => entries.clear(),
  }
}
