import { expect, test } from 'vitest'
import { adyenAttempt } from '../support/adyen.ts'
import { itemOf, read } from '../support/adyen-items.ts'

const disputed = (eventCode: string, disputeStatus?: string, given: object = {}) =>
  itemOf({
    eventCode,
    pspReference: 'DSP1',
    originalReference: 'PSP1',
    reason: 'Other Fraud-Card Absent Environment',
    additionalData: { disputeStatus, defensePeriodEndsAt: '2026-12-18T10:15:30+01:00' },
    ...given,
  })

test('a dispute names its charge, what is disputed, why, and until when to answer', () => {
  expect(read(disputed('NOTIFICATION_OF_CHARGEBACK', 'Undefended'))).toEqual([
    {
      type: 'DISPUTE',
      eventId: 'DSP1_NOTIFICATION_OF_CHARGEBACK',
      eventType: 'NOTIFICATION_OF_CHARGEBACK',
      saidAt: new Date('2026-11-29T11:00:00Z'),
      dispute: {
        kind: 'dispute',
        gatewayRef: 'DSP1',
        gatewayKey: adyenAttempt().gatewayKey,
        chargeRef: 'PSP1',
        amount: 500,
        currency: 'EUR',
        status: 'needs_response',
        reason: 'Other Fraud-Card Absent Environment',
        respondBy: new Date('2026-12-18T09:15:30Z'),
        at: new Date('2026-11-29T11:00:00Z'),
      },
    },
  ])
})

test.each([
  ['REQUEST_FOR_INFORMATION', 'Unresponded', 'inquiry'],
  ['REQUEST_FOR_INFORMATION', 'Expired', 'closed'],
  ['INFORMATION_SUPPLIED', 'Responded', 'inquiry'],
  ['INFORMATION_SUPPLIED', 'Pending', 'under_review'],
  ['DISPUTE_OPENED_WITH_CHARGEBACK', 'Undefended', 'needs_response'],
  ['CHARGEBACK', undefined, 'needs_response'],
  ['CHARGEBACK', 'Pending', 'under_review'],
  ['CHARGEBACK', 'Accepted', 'lost'],
  ['CHARGEBACK_REVERSED', 'Pending', 'under_review'],
  ['CHARGEBACK_REVERSED', undefined, 'under_review'],
  ['CHARGEBACK_REVERSED', 'Won', 'won'],
  ['CHARGEBACK_REVERSED', 'a new word', 'under_review'],
  ['SECOND_CHARGEBACK', 'Lost', 'lost'],
  // What is signed is final, whatever comes with it.
  ['SECOND_CHARGEBACK', 'Undefended', 'lost'],
  ['PREARBITRATION_WON', 'Won', 'won'],
  ['PREARBITRATION_LOST', undefined, 'lost'],
  ['DISPUTE_DEFENSE_PERIOD_ENDED', 'Expired', 'lost'],
  ['ISSUER_RESPONSE_TIMEFRAME_EXPIRED', 'Won', 'won'],
])('a dispute: %s, %s is %s', (eventCode, disputeStatus, status) => {
  expect(read(disputed(eventCode, disputeStatus))).toMatchObject([{ type: 'DISPUTE', dispute: { status } }])
})

test('a dispute without charge or time is left alone, and its time is never in the future', () => {
  for (const given of [
    { originalReference: '' },
    { eventDate: '' },
    { eventDate: 'yesterday' },
    { eventDate: '2026-13-45T99:00:00Z' },
    { success: 'false' },
  ])
    expect(read(disputed('CHARGEBACK', 'Undefended', given))).toMatchObject([{ type: 'IGNORED' }])
  const [event] = read(disputed('CHARGEBACK', 'Undefended', { eventDate: '2999-01-01T00:00:00Z' }))
  if (event?.type !== 'DISPUTE') throw new Error('no dispute')
  expect(event.saidAt.getTime()).toBeLessThanOrEqual(Date.now())
})
