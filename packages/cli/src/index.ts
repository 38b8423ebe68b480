// The CLI as a library, for fault tests and reports.
export { verify, type VerifyOptions } from './verify/verify.ts'
export { findOpenBreaks } from './verify/snapshot.ts'
export type { Breach, Breaches, Finding } from './verify/finding.ts'
export { recover, type RecoverOptions } from './commands/recover.ts'
