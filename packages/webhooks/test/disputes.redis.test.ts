import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { paidPayment } from './support/payments.ts'
import { startReceiver } from './support/receiver.ts'
import { openRig } from './support/rig.ts'
import { verify } from './support/verify.ts'

const rig = await openRig()

test('a dispute is told with its payment and what is disputed', async () => {
  const receiver = await startReceiver()
  const endpoint = await rig.addEndpoint(receiver, { eventTypes: ['dispute.opened'] })
  const payment = await paidPayment(rig.payments)
  const dispute = { gatewayRef: 'du_1', chargeRef: 'ch_1', amount: 300, currency: 'USD', at: new Date() }
  const report = { paymentId: payment.id, gateway: 'simulated', actor: 'webhook:simulated' }
  const said = { ...dispute, kind: 'dispute', status: 'needs_response', reason: 'fraudulent' } as const
  await rig.payments.recordDispute({ ...report, dispute: said, saidAt: new Date() })
  await rig.startSender()
  await eventually(() => expect(receiver.received).toHaveLength(1))
  const [request] = receiver.received
  expect(request && verify(request, endpoint.secret)).toMatchObject({
    type: 'dispute.opened',
    data: {
      payment_id: payment.id,
      amount: payment.amount,
      dispute_id: 'du_1',
      dispute_status: 'needs_response',
      disputed_amount: 300,
      reason: 'fraudulent',
    },
  })
})
