/**
 * What version 0.1 of the library stores, byte for byte. Two versions run side by side during every rolling upgrade, and
 * dead letters and delayed jobs outlive many: whatever is written here must be read for ever. Never change a line of this
 * file to make a test pass; add one for a new format, and keep what reads the old one.
 */

/** Fields of stream entries, in their order. */
export const GOLDEN_ENTRIES = {
  /** `enqueue('work', 7)`. */
  plain: ['n', 'work', 'd', '7'],
  /** `enqueue('work', 7, { id: 'golden' })`. */
  withId: ['n', 'work', 'd', '7', 'm', '{"id":"golden","dedupe":1}'],
  /** With every option that stays with the job. */
  withOptions: [
    'n',
    'work',
    'd',
    '7',
    'm',
    '{"id":"golden","dedupe":1,"maxAttempts":4,"visibilityMs":60000,"timeoutMs":5000,"backoff":{"type":"fixed","delayMs":10},"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}',
  ],
  /** The second attempt. */
  retried: [
    'n',
    'work',
    'd',
    '7',
    'm',
    '{"id":"golden","dedupe":1,"failures":1,"crashes":0,"enqueuedAt":1764000000000,"history":[{"at":1764000000500,"cause":"handler_error","error":"no"}]}',
  ],
  /** The job of a payment. */
  pay: [
    'n',
    'pay',
    'd',
    '{"payment_id":"pay_01a20d770e8b7c218847b6a6fbcd2f33"}',
    'm',
    '{"id":"pay_01a20d770e8b7c218847b6a6fbcd2f33.2","dedupe":1,"maxAttempts":20}',
  ],
} as const

/** The value of `delayed:jobs` for `enqueue('work', 7, { id: 'golden', delayMs, maxAttempts: 4 })`. */
export const GOLDEN_ENVELOPE =
  '2\ngolden\n1\n\nwork\n{"id":"golden","dedupe":1,"maxAttempts":4,"enqueuedAt":1764000000000}\n7'

/** The value of `live` for that job while it is delayed. */
export const GOLDEN_LIVE = 'd'

/** Fields of a dead letter of the job `withId`. */
export const GOLDEN_LETTER = [
  'n',
  'work',
  'd',
  '7',
  'm',
  '{"id":"golden","dedupe":1}',
  'e',
  '{"id":"golden","cause":"handler_error","error":"no","failures":1,"crashes":0,"priority":"default","enqueuedAt":1764000000000,"history":[{"at":1764000000500,"cause":"handler_error","error":"no"}],"worker":"payments-7:9f3c02ab"}',
] as const

/** The value of `schedules` for `schedule('nightly', { cron: '0 3 * * *', timeZone: 'Europe/Berlin' }, 'work', 7, { priority: 'low' })`. */
export const GOLDEN_SCHEDULE =
  '{"key":"nightly","cron":"0 3 * * *","timeZone":"Europe/Berlin","name":"work","data":7,"options":{"priority":"low"}}'

/** The id of the job of a slot. */
export const GOLDEN_SLOT = { at: 1_764_036_000_000, jobId: 'nightly@1764036000000' } as const
