// A payment gateway that fails on demand, with a ledger on disk as the oracle.
export { startGatewaySimulator, type GatewaySimulator, type GatewaySimulatorOptions } from './simulator.ts'
export { spawnGatewaySimulator, type SpawnedSimulator } from './spawn.ts'
export { readLedger, type GatewayLedger } from './ledger.ts'
export type { Charge, LedgerEntry, RequestEntry } from './ledger-entry.ts'
export type { Order, Rule, Weights, WebhookScript } from './script.ts'
export type { EventRequest, ResetRequest } from './control.ts'
export type { PaymentIntent } from './payment-intent.ts'
export { signatureHeader, type WebhookTarget } from './webhooks.ts'
