// Takes one payment through a gateway, and is killed as soon as its result is committed.
import {
  createPaymentHandler,
  createPaymentStore,
  createSimulatedGateway,
  openDatabase,
  type PaymentStore,
} from '@titan/payments'

const { DATABASE_URL = '', PAYMENT_ID = '' } = process.env
const store = createPaymentStore(openDatabase(DATABASE_URL))
const doomed: PaymentStore = {
  ...store,
  async settle(settlement) {
    await store.settle(settlement)
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  },
}
const pay = createPaymentHandler({
  store: doomed,
  gateway: createSimulatedGateway({ delayMs: 0, successRate: 1 }),
})
await pay({ id: PAYMENT_ID, data: { payment_id: PAYMENT_ID } }, { signal: new AbortController().signal })
