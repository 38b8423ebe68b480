/**
 * Proof of the right to run one job: it grows with every delivery of an entry, and the entry id grows with
 * every attempt. Store it with what the job changes and refuse a smaller one, and a worker that lost its
 * lease can change nothing.
 */
export interface Fence {
  /** Stream entry id, `<milliseconds>-<sequence>`. */
  readonly entryId: string
  /** Delivery count of the entry as the pending entries list holds it. */
  readonly deliveryCount: number
}

/**
 * A release adds this to the delivery count instead of 1, so the count still grows (the fence stays
 * monotonic) and tells releases from crashes: `count % 1000` deliveries that began, `count / 1000` releases.
 */
export const RELEASE_STEP = 1000

/** Deliveries of this entry that ended without a word from the worker. */
export function crashesOf(deliveryCount: number): number {
  return Math.max(0, (deliveryCount % RELEASE_STEP) - 1)
}

/** How often the entry was delivered, this delivery included. */
export function deliveriesOf(deliveryCount: number): number {
  return (deliveryCount % RELEASE_STEP) + Math.floor(deliveryCount / RELEASE_STEP)
}

/** When the entry was added, epoch milliseconds by the server's clock: the first part of its id. */
export function timeOf(entryId: string): number {
  return Number(entryId.slice(0, entryId.indexOf('-')))
}

/** Whether entry id `a` was added before `b`. */
export function isEarlier(a: string, b: string): boolean {
  const dashA = a.indexOf('-')
  const dashB = b.indexOf('-')
  // Digits without leading zeros: the longer number is the greater one, those of a length compare as text.
  if (dashA !== dashB) return dashA < dashB
  const timeA = a.slice(0, dashA)
  const timeB = b.slice(0, dashB)
  if (timeA !== timeB) return timeA < timeB
  return a.length === b.length ? a < b : a.length < b.length
}
