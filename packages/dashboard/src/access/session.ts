import { hash, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import type { Database } from '@titan/payments'
import type { Actor } from '../audit.ts'
import { statement } from '../statements.ts'

/** A user who is signed in. */
export interface Session extends Actor {
  /** `viewer` sees; `admin` also acts. */
  readonly role: 'viewer' | 'admin'
  /** Scope of the API key behind a viewer's session. */
  readonly scope: string | null
  /** The token that every form of the session carries. */
  readonly formToken: string
}

/** What a user presented to sign in: the id of an operator or an API key, or a fingerprint of the shared admin token. */
export type Credential =
  | { readonly operatorId: string }
  | { readonly apiKeyId: string }
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

/**
 * Keeps sessions in PostgreSQL, which every process of the API shares. The cookie holds random bits and nothing else, so
 * it allows no guesses at any other secret.
 */
export class Sessions {
  readonly #sql: Database
  readonly #sharedToken: Uint8Array | undefined

  /** @param sharedToken fingerprint of the admin token, if one is set; see {@link fingerprintOf} */
  constructor(sql: Database, sharedToken: Uint8Array | undefined) {
    this.#sql = sql
    this.#sharedToken = sharedToken
  }

  /** Opens a session; returns the value of its cookie. */
  async open(name: string, credential: Credential, lastsMs: number): Promise<string> {
    const token = randomBytes(32).toString('base64url')
    const none = { operatorId: null, apiKeyId: null, sharedToken: null }
    await insert(this.#sql, { ...none, ...credential, tokenHash: digest(token), name, lastsMs })
    return token
  }

  /** Finds the session of a cookie; undefined when it has ended, or its credential has. */
  async find(cookie: string | undefined): Promise<Session | undefined> {
    if (cookie === undefined || !TOKEN.test(cookie)) return undefined
    const sharedToken = this.#sharedToken ?? null
    const [row] = await find(this.#sql, { tokenHash: digest(cookie), sharedToken })
    if (row === undefined) return undefined
    return {
      ...actorOf(row.name, row),
      role: row.apiKeyId === null ? 'admin' : 'viewer',
      scope: row.apiKeyScope,
      formToken: digest(`form ${cookie}`).toString('base64url'),
    }
  }

  /** Ends the session of a cookie in every process. */
  async end(cookie: string | undefined): Promise<void> {
    if (cookie !== undefined && TOKEN.test(cookie)) await end(this.#sql, { tokenHash: digest(cookie) })
  }
}

/** Names a user as the audit record does. Only an operator's token proves the name. */
export function actorOf(name: string, credential: Credential | SessionRow): Actor {
  if ('operatorId' in credential && credential.operatorId !== null)
    return { operator: name, credential: `operator ${credential.operatorId}`, isProven: true }
  if ('apiKeyId' in credential && credential.apiKeyId !== null)
    return { operator: name, credential: `API key ${credential.apiKeyId}`, isProven: false }
  return { operator: name, credential: 'admin token', isProven: false }
}

/**
 * Derives what a session keeps of the admin token. scrypt makes guesses expensive for those who read the table; the salt is
 * constant, because every process must derive the same.
 */
export function fingerprintOf(adminToken: string): Uint8Array {
  return scryptSync(adminToken, 'titan dashboard sessions', 32)
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/** Compares two texts in a time that reveals nothing about either. */
export function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other))
}
