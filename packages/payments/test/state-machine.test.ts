import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isTerminal, PAYMENT_STATUSES, TRANSITIONS, type PaymentStatus } from '../src/index.ts'
import { fold, isLegal, type Step } from './support/history.ts'

const status = fc.constantFrom(...PAYMENT_STATUSES)

/** Events along a random legal path, as the store writes them. */
const legalHistory = fc.array(fc.nat({ max: 3 }), { maxLength: 12 }).map((choices) => {
  const steps: Step[] = [{ seq: 1, fromStatus: null, toStatus: 'PENDING' }]
  let current: PaymentStatus = 'PENDING'
  for (const choice of choices) {
    const next: readonly PaymentStatus[] = TRANSITIONS.get(current) ?? []
    const to = next[choice % next.length]
    if (to === undefined) break
    steps.push({ seq: steps.length + 1, fromStatus: current, toStatus: to })
    current = to
  }
  return { steps, current }
})

test('nothing leads out of a terminal status', () => {
  fc.assert(
    fc.property(status, status, (from, to) => {
      if (isTerminal(from)) expect(isLegal(from, to)).toBe(false)
    }),
  )
  expect(PAYMENT_STATUSES.filter(isTerminal)).toEqual(['SUCCESS', 'FAILED'])
})

test('only PROCESSING leads to SUCCESS', () => {
  expect(PAYMENT_STATUSES.filter((from) => isLegal(from, 'SUCCESS'))).toEqual(['PROCESSING'])
})

test('nothing leads back to PENDING', () => {
  expect(PAYMENT_STATUSES.filter((from) => isLegal(from, 'PENDING'))).toEqual([])
  expect(isLegal(null, 'PENDING')).toBe(true)
})

test('folding a legal history gives its last status', () => {
  fc.assert(
    fc.property(legalHistory, ({ steps, current }) => {
      expect(fold(steps)).toEqual({ ok: true, status: current })
    }),
  )
})

test('folding finds a missing event, wherever it was', () => {
  fc.assert(
    fc.property(legalHistory, fc.nat(), ({ steps }, position) => {
      const missing = position % steps.length
      // Without its last event a history is only shorter.
      if (missing === steps.length - 1) return
      expect(fold(steps.toSpliced(missing, 1))).toMatchObject({ ok: false })
    }),
  )
})

test('folding finds a status that was changed without an event', () => {
  const steps: Step[] = [
    { seq: 1, fromStatus: null, toStatus: 'PENDING' },
    { seq: 2, fromStatus: 'QUEUED', toStatus: 'PROCESSING' },
  ]
  expect(fold(steps)).toEqual({ ok: false, seq: 2, reason: 'starts from QUEUED, the payment was PENDING' })
})

test('folding finds an illegal step', () => {
  const steps: Step[] = [
    { seq: 1, fromStatus: null, toStatus: 'PENDING' },
    { seq: 2, fromStatus: 'PENDING', toStatus: 'SUCCESS' },
  ]
  expect(fold(steps)).toEqual({ ok: false, seq: 2, reason: 'PENDING -> SUCCESS is not legal' })
})
