import { createPaymentHandler, type PaymentHandlerOptions, type PaymentStore } from '../../src/index.ts'

/** Runs one `pay` job as a worker does; answers what the handler threw, or undefined. */
export type Pay = (
  id: string,
  options: Partial<PaymentHandlerOptions>,
  context?: { readonly signal?: AbortSignal; readonly deliveryCount?: number },
) => Promise<unknown>

/** Jobs on a store, by worker `w1` and without jitter unless said otherwise. */
export function createPay(store: PaymentStore): Pay {
  return async (id, options, context = {}) => {
    const handle = createPaymentHandler({ store, worker: 'w1', random: () => 0, ...options })
    try {
      await handle({ id, data: { payment_id: id } }, { signal: new AbortController().signal, ...context })
      return undefined
    } catch (error) {
      return error
    }
  }
}
