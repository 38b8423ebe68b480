import { readLedger } from '@titan/gateway-simulator'
import { expect, test } from 'vitest'
import { createPaymentStore, type Payment, type PaymentHandlerOptions } from '../../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createDriver } from '../support/driver.ts'
import { createPayment, read } from '../support/payments.ts'
import { startSimulator, stripeAt } from '../support/simulator.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const { pay, drive, expectSound } = createDriver(store, sql)

interface Case {
  readonly name: string
  /** What the gateway does with the charges, one after the other; then all is well. */
  readonly behaviours: readonly string[]
  /** The payment after the first job. */
  readonly first: Partial<Payment>
  /** The payment in the end. */
  readonly last: Partial<Payment>
  readonly charges: number
  /** Keys of the requests that charge, in order. @default the key of attempt 1, any number of times */
  readonly attempts?: readonly number[]
  readonly options?: Partial<PaymentHandlerOptions>
}

const unknown = { status: 'PROCESSING', unknownSince: expect.any(Date) as Date } as const
const waiting = { status: 'QUEUED', retries: 0 } as const
const success = { status: 'SUCCESS', attemptNo: 1, retries: 0 } as const
const review = { status: 'PROCESSING', needsReview: true } as const
const short = { gatewayTimeoutMs: 300, leaseMs: 5_000 }

/** Parked after three unknown answers in a row instead of a day's worth. */
const impatient = { policy: { maxResolves: 3 } }

const CASES: readonly Case[] = [
  { name: 'all is well', behaviours: [], first: success, last: success, charges: 1, attempts: [1] },
  // Unknown: never FAILED, and found out by the same key or by the gateway's books.
  {
    // F46 charged, then a reset: SUCCESS by repeating the key, one charge
    name: 'charged, answer lost',
    behaviours: ['reset_after'],
    first: unknown,
    last: success,
    charges: 1,
    attempts: [1, 1],
  },
  { name: 'reset before anything', behaviours: ['reset_before'], first: unknown, last: success, charges: 1 },
  {
    name: 'resets for a while',
    behaviours: ['reset_before', 'reset_after', 'reset_before'],
    first: unknown,
    last: success,
    charges: 1,
  },
  {
    // F47 silence, before or after the charge: one charge
    // F47
    name: 'charged, then silence',
    behaviours: ['hang_after'],
    first: unknown,
    last: success,
    charges: 1,
    options: short,
  },
  { name: 'silence', behaviours: ['hang_before'], first: unknown, last: success, charges: 1, options: short },
  {
    // F48 500 for as long as the key lives, after the charge: SUCCESS by asking, never FAILED
    name: 'charged, and 500 for as long as the key lives',
    behaviours: ['500_after'],
    first: unknown,
    last: success,
    charges: 1,
  },
  {
    // F49
    name: 'not charged, and 500 for as long as the key lives',
    behaviours: ['500_before'],
    first: unknown,
    last: review,
    charges: 0,
    options: impatient,
  },
  // F49 500 and 503 before the charge: one charge, one attempt; or parked, when the 500 is stored
  { name: '503 twice', behaviours: ['503', '503'], first: unknown, last: success, charges: 1 },
  {
    name: 'charged later than it was answered 500',
    behaviours: ['late_success@1'],
    first: unknown,
    last: success,
    charges: 1,
  },
  // F56
  { name: 'garbage', behaviours: ['garbage'], first: unknown, last: success, charges: 1 },
  { name: 'HTML', behaviours: ['html'], first: unknown, last: success, charges: 1 },
  // F56 answers that cannot be read, endless or slow ones, a success under a status that is none: unknown,
  //  memory bounded
  { name: 'a body without end', behaviours: ['huge'], first: unknown, last: success, charges: 1 },
  {
    // F56
    name: 'an answer that trickles',
    behaviours: ['trickle'],
    first: unknown,
    last: success,
    charges: 1,
    options: short,
  },
  { name: 'an error with 200', behaviours: ['error_200'], first: unknown, last: success, charges: 1 },
  // Refused at the door: no retry used up, and after something was sent it says nothing.
  { name: '429', behaviours: ['429'], first: waiting, last: success, charges: 1, attempts: [1, 1] },
  { name: '401', behaviours: ['401'], first: waiting, last: success, charges: 1 },
  { name: '403', behaviours: ['403'], first: waiting, last: success, charges: 1 },
  {
    name: 'charged, answer lost, then 429',
    behaviours: ['reset_after', '429'],
    first: unknown,
    last: success,
    charges: 1,
  },
  {
    name: 'charged, answer lost, then 401',
    behaviours: ['reset_after', '401'],
    first: unknown,
    last: success,
    charges: 1,
  },
  {
    // F50
    name: 'lost before, then 429, then 401',
    behaviours: ['reset_before', '429', '401'],
    first: unknown,
    last: success,
    charges: 1,
  },
  {
    // F50 429 on the first request, and on a repeat: no attempt used up; still unknown
    name: '429 for ever after a charge',
    behaviours: ['reset_after', ...Array<string>(9).fill('429')],
    first: unknown,
    last: review,
    charges: 1,
    options: impatient,
  },
  // Refused as invalid: definite for a first request, and else only when it is what is stored under the key.
  {
    name: 'an amount that is never taken',
    behaviours: ['invalid:amount'],
    first: { status: 'FAILED', failureCode: 'parameter_invalid', failureKind: 'hard_decline' },
    last: { status: 'FAILED', attemptNo: 1 },
    charges: 0,
    attempts: [1],
  },
  {
    name: 'a request that is ours to mend, and is mended',
    behaviours: ['invalid:payment_method', '404'],
    first: waiting,
    last: { status: 'SUCCESS', attemptNo: 3, retries: 0 },
    charges: 1,
    attempts: [1, 2, 3],
  },
  {
    name: 'charged, answer lost, then refused as invalid',
    behaviours: ['reset_after', '400'],
    first: unknown,
    last: success,
    charges: 1,
  },
  {
    name: 'lost before, then refused as invalid, then charged',
    behaviours: ['reset_before', '400', '404'],
    first: unknown,
    last: success,
    charges: 1,
    attempts: [1, 1, 1, 1],
  },
  {
    name: 'lost before, then refused as invalid, and the same from then on',
    behaviours: ['reset_before', 'invalid:amount'],
    first: unknown,
    last: { status: 'FAILED', failureKind: 'hard_decline', attemptNo: 1 },
    charges: 0,
    attempts: [1, 1, 1],
  },
  { name: 'a conflict under the key', behaviours: ['409', '409'], first: unknown, last: success, charges: 1 },
  // Something else was charged than was asked.
  {
    name: 'wrong amount',
    behaviours: ['wrong_amount'],
    first: review,
    last: review,
    charges: 1,
    attempts: [1],
  },
  {
    name: 'wrong currency',
    behaviours: ['wrong_currency'],
    first: review,
    last: review,
    charges: 1,
    attempts: [1],
  },
  // Declines.
  {
    // F52 declines, hard and soft: FAILED at once; or a new key after the delay
    name: 'a hard decline',
    behaviours: ['decline:stolen_card'],
    first: { status: 'FAILED', failureCode: 'stolen_card', failureKind: 'hard_decline' },
    last: { status: 'FAILED', attemptNo: 1 },
    charges: 0,
    attempts: [1],
  },
  {
    name: 'a soft decline that is not tried again',
    behaviours: ['decline:insufficient_funds'],
    first: { status: 'FAILED', failureCode: 'insufficient_funds', failureKind: 'soft_decline' },
    last: { status: 'FAILED', attemptNo: 1 },
    charges: 0,
    attempts: [1],
  },
  {
    // F52
    name: 'a soft decline that is tried again under a new key',
    behaviours: ['decline:insufficient_funds'],
    first: { status: 'QUEUED', retries: 1 },
    last: { status: 'SUCCESS', attemptNo: 2 },
    charges: 1,
    attempts: [1, 2],
    options: { policy: { retrySoftDeclines: true } },
  },
  {
    name: 'a decline whose answer is lost',
    behaviours: ['reset_before', 'decline:stolen_card'],
    first: unknown,
    last: { status: 'FAILED', failureKind: 'hard_decline', attemptNo: 1 },
    charges: 0,
    attempts: [1, 1],
  },
  // The gateway decides later.
  {
    name: 'pending, then charged',
    behaviours: ['pending_then:ok@1'],
    first: unknown,
    last: success,
    charges: 1,
    attempts: [1],
  },
  {
    name: 'pending, then declined',
    behaviours: ['pending_then:decline:expired_card@1'],
    first: unknown,
    last: { status: 'FAILED', failureCode: 'expired_card' },
    charges: 0,
    attempts: [1],
  },
]

test.each(CASES)('$name', async ({ behaviours, first, last, charges, attempts, options = {} }) => {
  const simulator = await startSimulator()
  if (behaviours.length > 0) await simulator.order({ behaviours })
  const gateway = stripeAt(simulator.url)
  const { id } = await createPayment(store)
  await pay(id, { gateway, ...options })
  expect(await read(store, id)).toMatchObject(first)
  await drive(id, { gateway, ...options })
  expect(await read(store, id)).toMatchObject(last)
  const ledger = await readLedger(simulator.ledgerPath)
  expect(ledger.charges).toHaveLength(charges)
  const keys = ledger.requests.filter(({ method }) => method === 'POST').map(({ key }) => key)
  if (attempts !== undefined) expect(keys).toEqual(attempts.map((attemptNo) => `titan_${id}_${attemptNo}`))
  await expectSound(simulator, id)
})

// F55 another amount or currency is charged: recorded and parked
test('a wrong amount and a wrong currency are recorded as breaks', async () => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: ['wrong_amount', 'wrong_currency'] })
  const gateway = stripeAt(simulator.url)
  for (const kind of ['amount_mismatch', 'currency_mismatch']) {
    const { id } = await createPayment(store)
    await pay(id, { gateway })
    expect(await sql`select kind, gateway from reconciliation_breaks where payment_id = ${id}`).toMatchObject(
      [{ kind, gateway: 'stripe' }],
    )
  }
})
