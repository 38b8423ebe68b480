import { createHash, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import type { Database } from '@titan/payments'
import type { Actor } from './audit.ts'
import { statement } from './statements.ts'

/** `viewer` sees; `admin` also acts. */
export type Role = 'viewer' | 'admin'

/** A user who is signed in. */
export interface Session extends Actor {
  readonly role: Role
  /** Scope of the API key behind a viewer's session. */
  readonly scope: string | undefined
  /** The token that every form of the session carries. */
  readonly formToken: string
}

/** What a user presented to sign in. */
export type SessionCredential =
  | { readonly operatorId: string }
  | { readonly apiKeyId: string }
  /** A fingerprint of the shared admin token. */
  | { readonly sharedToken: Uint8Array }

/** A valid session; exactly one of the three credentials is set. */
interface SessionRow {
  readonly name: string
  readonly operatorId: string | null
  readonly apiKeyId: string | null
  readonly apiKeyScope: string | null
}

const insert = statement<never>('insert_session')
const find = statement<SessionRow>('find_session')
const end = statement<never>('end_session')

const TOKEN = /^[\w-]{43}$/

/** How the audit record names a session of the shared admin token. */
export const SHARED_TOKEN = 'admin token'

/**
 * Keeps sessions in PostgreSQL, which every process of the API shares. The cookie holds random bits and nothing else, so
 * it allows no guesses at any other secret.
 */
export class Sessions {
  readonly #sql: Database
  readonly #sharedToken: Uint8Array | null

  /** @param sharedToken fingerprint of the admin token, if one is set; see {@link fingerprintOf} */
  constructor(sql: Database, sharedToken: Uint8Array | undefined) {
    this.#sql = sql
    this.#sharedToken = sharedToken ?? null
  }

  /** Opens a session; returns the value of its cookie. */
  async open(name: string, credential: SessionCredential, lastsMs: number): Promise<string> {
    const token = randomBytes(32).toString('base64url')
    const none = { operatorId: null, apiKeyId: null, sharedToken: null }
    await insert(this.#sql, { ...none, ...credential, tokenHash: digest(token), name, lastsMs })
    return token
  }

  /** Finds the session of a cookie; undefined when it has ended, or its credential has. */
  async find(cookie: string | undefined): Promise<Session | undefined> {
    if (cookie === undefined || !TOKEN.test(cookie)) return undefined
    const [row] = await find(this.#sql, { tokenHash: digest(cookie), sharedToken: this.#sharedToken })
    return row && { ...userOf(row), formToken: digest(`form ${cookie}`).toString('base64url') }
  }

  /** Ends the session of a cookie in every process. */
  async end(cookie: string | undefined): Promise<void> {
    if (cookie !== undefined && TOKEN.test(cookie)) await end(this.#sql, { tokenHash: digest(cookie) })
  }
}

function userOf({ name, operatorId, apiKeyId, apiKeyScope }: SessionRow): Omit<Session, 'formToken'> {
  if (operatorId !== null)
    return {
      operator: name,
      credential: `operator ${operatorId}`,
      isProven: true,
      role: 'admin',
      scope: undefined,
    }
  if (apiKeyId !== null) {
    const credential = `API key ${apiKeyId}`
    return { operator: name, credential, isProven: false, role: 'viewer', scope: apiKeyScope ?? undefined }
  }
  return { operator: name, credential: SHARED_TOKEN, isProven: false, role: 'admin', scope: undefined }
}

/**
 * Derives what a session keeps of the admin token. scrypt makes guesses expensive for those who read the table; the salt is
 * constant, because every process must derive the same.
 */
export function fingerprintOf(adminToken: string): Uint8Array {
  return scryptSync(adminToken, 'titan dashboard sessions', 32)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Compares two texts in a time that reveals nothing about either. */
export function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other))
}
