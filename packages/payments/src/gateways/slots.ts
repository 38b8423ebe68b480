import { bulkhead } from 'cockatiel'
import { reasonOfAbort } from './bell.ts'

/** A limited number of places. */
export interface Slots {
  readonly free: number
  /** Waits for a place, first come, first served; answers how to give it back. */
  take(signal: AbortSignal): Promise<() => void>
  /** A place at once, or undefined. */
  tryTake(): (() => void) | undefined
}

/** Places that are all free. A place is held by a call of the library's bulkhead that ends when it is given back. */
export function createSlots(count: number): Slots {
  const policy = bulkhead(count, Infinity)

  function hold(signal?: AbortSignal): {
    readonly taken: Promise<() => void>
    readonly giveBack: () => void
  } {
    const held = Promise.withResolvers<void>()
    const taken = Promise.withResolvers<() => void>()
    const begin = (): Promise<void> => {
      taken.resolve(held.resolve)
      return held.promise
    }
    policy.execute(begin, signal).catch(taken.reject)
    return { taken: taken.promise, giveBack: held.resolve }
  }

  return {
    get free() {
      return policy.executionSlots
    },
    take(signal) {
      const { taken, giveBack } = hold(signal)
      return new Promise((resolve, reject) => {
        // A place that comes too late goes straight back.
        const giveUp = (): void => {
          giveBack()
          reject(reasonOfAbort(signal))
        }
        if (signal.aborted) giveUp()
        signal.addEventListener('abort', giveUp, { once: true })
        taken.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
      })
    },
    tryTake: () => (policy.executionSlots > 0 ? hold().giveBack : undefined),
  }
}
