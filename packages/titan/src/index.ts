// The operator's program as a library: what fault tests and reports call.
export { verify, type VerifyOptions } from './verify.ts'
export { findOpenBreaks } from './snapshot.ts'
export type { Breach, Breaches, Finding } from './finding.ts'
export type { Ledger, LedgerBooks, LedgerFact } from './ledger-tables.ts'
export { fetchLedger, LedgerError, readLedgerFile } from './ledger-source.ts'
export { recover, type RecoverOptions } from './recover.ts'
