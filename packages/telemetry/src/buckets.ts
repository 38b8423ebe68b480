// Bounds of histograms in seconds.

/** Handlers and gateways: from a simulated response to the longest call that is allowed. */
export const WORK_BUCKETS: number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Waiting in the queue: from nothing to a backlog of minutes. */
export const WAIT_BUCKETS: number[] = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900]

/** Payments from acceptance to terminal status: from an idle system to a gateway that was away for a day. */
export const PAYMENT_BUCKETS: number[] = [
  0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 7_200, 86_400,
]

/** Responses of the API, which has a deadline of ten seconds. */
export const HTTP_BUCKETS: number[] = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
