// The operator's program as a library: what fault tests and reports call.
export { verify, type VerifyOptions } from './verify/verify.ts'
export { findOpenBreaks } from './verify/snapshot.ts'
export type { Breach, Breaches, Finding } from './verify/finding.ts'
export type { Ledger, LedgerBooks, LedgerFact } from './verify/ledger-tables.ts'
export { fetchLedger, LedgerError, readLedgerFile } from './verify/ledger-source.ts'
export { recover, type RecoverOptions } from './recover.ts'
