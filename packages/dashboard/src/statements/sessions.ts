import type { Database } from '@titan/payments'

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

/** Stores a session, and deletes sessions that have expired. */
export async function insertSession(sql: Database, session: NewSession): Promise<void> {
  const { tokenHash, name, credential, lastsMs } = session
  await sql`
    with expired as (
      delete from dashboard_sessions where expires_at < clock_timestamp()
    )
    insert into dashboard_sessions (token_hash, name, operator_id, api_key_id, shared_token, expires_at)
    values (${tokenHash}::bytea, ${name}::text,
            ${'operatorId' in credential ? credential.operatorId : null}::text,
            ${'apiKeyId' in credential ? credential.apiKeyId : null}::text,
            ${'sharedToken' in credential ? credential.sharedToken : null}::bytea,
            clock_timestamp() + ${lastsMs}::float8 * interval '1 millisecond')`
}

/** Finds a session that has neither ended nor expired and whose credential is still valid. */
export async function findSession(
  sql: Database,
  tokenHash: Uint8Array,
  sharedToken: Uint8Array | undefined,
): Promise<SessionRow | undefined> {
  const [row] = await sql<SessionRow[]>`
    select s.name, s.operator_id as "operatorId", s.api_key_id as "apiKeyId", k.scope as "apiKeyScope"
      from dashboard_sessions s
      left join operators o on o.id = s.operator_id
      left join api_keys k on k.id = s.api_key_id
     where s.token_hash = ${tokenHash}::bytea and s.ended_at is null and s.expires_at > clock_timestamp()
       and (s.operator_id is null or o.revoked_at is null)
       and (s.api_key_id is null
            or (k.revoked_at is null and (k.expires_at is null or k.expires_at > clock_timestamp())))
       and (s.shared_token is null or s.shared_token = ${sharedToken ?? null}::bytea)`
  return row
}

/** Ends a session for good. */
export async function endSession(sql: Database, tokenHash: Uint8Array): Promise<void> {
  await sql`
    update dashboard_sessions set ended_at = clock_timestamp()
     where token_hash = ${tokenHash}::bytea and ended_at is null`
}
