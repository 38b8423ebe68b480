/** Converts epoch milliseconds to the Unix seconds of Stripe's objects. */
export function secondsOf(ms: number): number {
  return Math.floor(ms / 1000)
}
