import { createHash, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import type { Database } from '@titan/payments'
import type { Actor } from './audit-record.ts'
import {
  endSession,
  findSession,
  insertSession,
  type SessionCredential,
  type SessionRow,
} from './session-store.ts'

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

/** Sessions in PostgreSQL, which every process of the API shares. */
export interface Sessions {
  /** Opens a session; returns the value of its cookie. */
  open(user: {
    readonly name: string
    readonly credential: SessionCredential
    readonly lastsMs: number
  }): Promise<string>
  /** Finds the session of a cookie; undefined when it has ended, or its credential has. */
  find(cookie: string | undefined): Promise<Session | undefined>
  /** Ends the session of a cookie in every process. */
  end(cookie: string | undefined): Promise<void>
}

const TOKEN = /^[\w-]{43}$/

/** How a session of the shared admin token is named in the audit record. */
export const SHARED_TOKEN = 'admin token'

/**
 * Creates the sessions. The cookie holds random bits and nothing else, so it allows no guesses at any other secret.
 *
 * @param sharedToken fingerprint of the admin token, if one is set; see {@link fingerprintOf}
 */
export function createSessions(sql: Database, sharedToken: Uint8Array | undefined): Sessions {
  return {
    async open({ name, credential, lastsMs }) {
      const token = randomBytes(32).toString('base64url')
      await insertSession(sql, { tokenHash: digest(token), name, credential, lastsMs })
      return token
    },
    async find(cookie) {
      if (cookie === undefined || !TOKEN.test(cookie)) return undefined
      const row = await findSession(sql, digest(cookie), sharedToken)
      return row && { ...userOf(row), formToken: digest(`form ${cookie}`).toString('base64url') }
    },
    async end(cookie) {
      if (cookie !== undefined && TOKEN.test(cookie)) await endSession(sql, digest(cookie))
    },
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
