import { readLedger, type GatewaySimulator } from '@titan/gateway-simulator'
import { expect } from 'vitest'
import { type Database, type PaymentHandlerOptions, type PaymentStore } from '../../src/index.ts'
import { createPay, type Pay } from './pay.ts'
import { makeDue, read } from './payments.ts'

/** Takes payments through a gateway that answers strangely. */
export interface Driver {
  readonly pay: Pay
  /** Runs the jobs of a payment one after the other, as time would, until it has come to an end. */
  drive(id: string, options: Partial<PaymentHandlerOptions>): Promise<void>
  /** What must be true whatever happened: I1 to I3, I9, I11. */
  expectSound(simulator: GatewaySimulator, id: string): Promise<void>
}

/** A driver of the payments of one database. */
export function createDriver(store: PaymentStore, sql: Database): Driver {
  const pay = createPay(store)
  return {
    pay,
    async drive(id, options) {
      for (let round = 0; round < 10; round++) {
        await makeDue(sql, id)
        await pay(id, options)
        const { status, needsReview } = await read(store, id)
        if (status === 'SUCCESS' || status === 'FAILED' || needsReview) return
      }
    },
    async expectSound(simulator, id) {
      const { charges, mismatches } = await readLedger(simulator.ledgerPath)
      const own = charges.filter(({ reference }) => reference === id)
      const { status, amount, gatewayRef } = await read(store, id)
      expect(own.length).toBeLessThanOrEqual(1)
      if (status === 'SUCCESS') expect(own).toMatchObject([{ amount, currency: 'usd', intentId: gatewayRef }])
      if (status === 'FAILED') expect(own).toEqual([])
      expect(mismatches).toBe(0)
      const attempts = await store.attempts(id)
      for (const attempt of attempts.slice(0, -1)) expect(attempt.outcome).toBe('DECLINED')
    },
  }
}
