import { startTimer } from './timer.ts'

/** Settles like the promise, or rejects with `late()` when that takes longer than `ms`. */
export function withDeadline<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
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

/** Resolves with whether the promise settles within `ms`; a later outcome is ignored. */
export function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const late = new Error('too late')
  return withDeadline(promise, ms, () => late).then(
    () => true,
    (error: unknown) => error !== late,
  )
}
