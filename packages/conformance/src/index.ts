// The suite that every gateway adapter must pass.
export {
  checkGateway,
  UnusableAdapter,
  type CheckedBehaviour,
  type CheckOptions,
  type ConformanceReport,
} from './check.ts'
export type { CheckedServer, GatewayCheck, GatewayFactory, Money, SampleRequest } from './gateway.ts'
