// The worker, for programs that run it inside of themselves.
export { startPaymentWorkers, type PaymentWorkers, type PaymentWorkersOptions } from './payment-workers.ts'
