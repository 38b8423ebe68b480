import {
  applyOutcome,
  type ChargeOutcome,
  type Claim,
  type Database,
  type PaymentStore,
} from '../../src/index.ts'
import { claim, createPayment, makeDue } from './payments.ts'
import { settlementOf, successOf } from './settlements.ts'

export const soft: ChargeOutcome = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' }

/** A success of another amount or currency than was asked. */
export function mischarge(
  held: Claim,
  { amount = 501, currency = 'USD' }: { amount?: number; currency?: string } = {},
): ChargeOutcome {
  return { type: 'SUCCEEDED', gatewayRef: `pi_${held.paymentId}`, amount, currency }
}

/** Makes payments that wait for a decision. */
export interface Parking {
  /** A payment that no automatic way is left for, with its attempt open. */
  park(): Promise<Claim>
  /** A payment that is parked because the gateway charged another amount or currency. */
  parkMischarged(charged?: { amount?: number; currency?: string }): Promise<Claim>
  /** A payment whose first attempt was declined and reported as charged while the second was under way. */
  parkLate(): Promise<{ first: Claim; second: Claim; id: string; lateRef: string }>
  /** The gateway reports the outcome of an attempt. */
  report(attempt: Claim, outcome: ChargeOutcome): ReturnType<typeof applyOutcome>
}

/** Parks payments of a store. */
export function createParking(store: PaymentStore, sql: Database): Parking {
  function report(attempt: Claim, outcome: ChargeOutcome): ReturnType<typeof applyOutcome> {
    const { paymentId, attemptNo, gateway } = attempt
    return applyOutcome({ paymentId, attemptNo, gateway, outcome, actor: 'webhook' }, { store })
  }

  return {
    report,
    async park() {
      const { id } = await createPayment(store)
      const held = await claim(store, id)
      await store.settle(settlementOf(held, { type: 'UNRESOLVABLE', reason: 'given up' }))
      return held
    },
    async parkMischarged(charged = {}) {
      const { id } = await createPayment(store)
      const held = await claim(store, id)
      await store.settle(settlementOf(held, mischarge(held, charged)))
      return held
    },
    async parkLate() {
      const { id } = await createPayment(store)
      const first = await claim(store, id)
      await store.settle(settlementOf(first, soft, { retrySoftDeclines: true }))
      await makeDue(sql, id)
      const second = await claim(store, id)
      await report(first, successOf(first))
      await store.settle(settlementOf(second, { type: 'UNRESOLVABLE', reason: 'its worker died' }))
      return { first, second, id, lateRef: `ch_${first.gatewayKey}` }
    },
  }
}
