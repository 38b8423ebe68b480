/**
 * Steps that every payment and movement passes, whatever the gateway does: a worker dies at each of them for each one. The
 * next worker continues, is killed at the next one, and so on.
 */
const PASSED_BY_ALL = [
  ['relay.enqueuing', 'relay.enqueued'],
  ['queue.read', 'queue.reclaimed'],
  ['payments.claimed'],
  ['payments.settling'],
  ['payments.settled'],
] as const

/** Each of these steps with one gateway, and with two as well: `TITAN_MATRIX=all`. */
export const ROWS = (process.env['TITAN_MATRIX'] === 'all' ? [false, true] : [false]).flatMap((hasSecond) =>
  PASSED_BY_ALL.map((steps) => ({ steps, hasSecond })),
)
