import { startTimer } from './timer.ts'

/** The promise's outcome, or a rejection with `late()` when it takes longer than `ms`. */
export function within<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = startTimer(() => reject(late()), ms)
    promise.then(
      (value) => {
        timer.stop()
        resolve(value)
      },
      (error: unknown) => {
        timer.stop()
        reject(error)
      },
    )
  })
}

/** Whether the promise settles within `ms`. If not it goes on, and its outcome is nobody's. */
export function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = startTimer(() => resolve(false), ms)
    const settled = (): void => {
      timer.stop()
      resolve(true)
    }
    promise.then(settled, settled)
  })
}
