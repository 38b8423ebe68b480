// Bounds of histograms in seconds. Each is there because somebody would ask about it.

/** Handlers and gateways: from a simulated answer to the longest call that is allowed. */
export const WORK_BUCKETS: number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Waiting in the queue: from nothing to a backlog of minutes. */
export const WAIT_BUCKETS: number[] = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900]

/** Payments from their acceptance to their end: from an idle system to a gateway that was away for a day. */
export const PAYMENT_BUCKETS: number[] = [
  0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 7_200, 86_400,
]

/** Answers of the API, which end at the deadline of ten seconds. */
export const HTTP_BUCKETS: number[] = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
