// The worker, for programs that embed it.
export { startPaymentWorkers, type PaymentWorkers, type PaymentWorkersOptions } from './payment-workers.ts'
