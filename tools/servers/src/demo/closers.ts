/** What has been opened and must be closed. */
export interface Closers {
  add(close: () => Promise<void> | void): void
  /** Closes everything, the last first; one that fails does not keep the others. Idempotent. */
  closeAll(): Promise<void>
}

/** Creates an empty list of things to close. */
export function createClosers(): Closers {
  const closes: (() => Promise<void> | void)[] = []
  return {
    add(close) {
      closes.push(close)
    },
    async closeAll() {
      const failures: unknown[] = []
      for (let close = closes.pop(); close !== undefined; close = closes.pop()) {
        try {
          await close()
        } catch (error) {
          failures.push(error)
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be stopped')
    },
  }
}
