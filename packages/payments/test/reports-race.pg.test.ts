import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import { applyOutcome, createPaymentStore, type ChargeOutcome } from '../src/index.ts'
import { createPay } from './support/pay.ts'
import { newKey, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

test('a success is written although a late copy of an action takes the payment in between', async () => {
  const gatewayRef = newKey()
  const asked = (url: string): ChargeOutcome => {
    const nextAction = { type: 'redirect', url } as const
    return { type: 'REQUIRES_ACTION', gatewayRef, nextAction, expiresAt: null }
  }
  const answer = await store.create({ amount: 500, idempotencyKey: newKey(), customerPresent: true })
  if (answer.kind !== 'created') throw new Error(answer.kind)
  const { id: paymentId } = answer.payment
  const charge = async () => asked('https://bank.example/1')
  await createPay(store)(paymentId, { gateway: { name: 'acme', keyTtlMs: 3_600_000, charge } })
  const report = { paymentId, attemptNo: 1, gateway: 'acme', actor: 'test' }
  const late = { ...report, outcome: asked('https://bank.example/2'), isCurrent: true }
  let copies = 1
  const racing: typeof store = {
    ...store,
    async settle(settlement) {
      if (copies-- > 0) await applyOutcome(late, { store })
      return store.settle(settlement)
    },
  }
  const moved = { type: 'SUCCEEDED', gatewayRef, amount: 500, currency: 'USD' } as const
  expect(await applyOutcome({ ...report, outcome: moved }, { store: racing })).toBe('settled')
  expect(await read(store, paymentId)).toMatchObject({ status: 'SUCCESS' })
})
