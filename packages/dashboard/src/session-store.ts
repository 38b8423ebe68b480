import type { Database } from '@titan/payments'
import { statement } from './statements.ts'

/** What a user presented to sign in. */
export type SessionCredential =
  | { readonly operatorId: string }
  | { readonly apiKeyId: string }
  /** A fingerprint of the shared admin token. */
  | { readonly sharedToken: Uint8Array }

/** A session to store. */
export interface NewSession {
  readonly tokenHash: Uint8Array
  readonly name: string
  readonly credential: SessionCredential
  readonly lastsMs: number
}

/** A valid session; exactly one of the three credentials is set. */
export interface SessionRow {
  readonly name: string
  readonly operatorId: string | null
  readonly apiKeyId: string | null
  readonly apiKeyScope: string | null
}

const insert = statement<never>('insert_session')
const find = statement<SessionRow>('find_session')
const end = statement<never>('end_session')

/** Stores a session, and deletes sessions that have expired. */
export async function insertSession(sql: Database, session: NewSession): Promise<void> {
  const { credential, ...rest } = session
  await insert(sql, { operatorId: null, apiKeyId: null, sharedToken: null, ...credential, ...rest })
}

/** Finds a session that has neither ended nor expired and whose credential is still valid. */
export async function findSession(
  sql: Database,
  tokenHash: Uint8Array,
  sharedToken: Uint8Array | undefined,
): Promise<SessionRow | undefined> {
  const [row] = await find(sql, { tokenHash, sharedToken: sharedToken ?? null })
  return row
}

/** Ends a session for good. */
export async function endSession(sql: Database, tokenHash: Uint8Array): Promise<void> {
  await end(sql, { tokenHash })
}
