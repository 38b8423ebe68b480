// A payment gateway that fails on demand, with a ledger on disk as the oracle.
export { startGatewaySimulator, type GatewaySimulator } from './simulator.ts'
export type { GatewaySimulatorOptions } from './options.ts'
export { spawnGatewaySimulator, type SpawnedSimulator } from './spawn.ts'
export { readLedger, type GatewayLedger } from './ledger/ledger.ts'
export type { Charge, LedgerEntry, Movement, RequestEntry } from './ledger/entry.ts'
export type { Operation, Order, Rule, Weights, WebhookScript } from './script/script.ts'
export type { AnswerRequest, EventRequest, ResetRequest } from './control.ts'
export { signatureHeader, type WebhookTarget } from './webhooks.ts'
