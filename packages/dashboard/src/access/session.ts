import { hash, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import { DEFAULT_ACCOUNT, type Database } from '@titan/payments'
import type { Actor } from '../audit.ts'
import { statement } from '../statements.ts'

/** A user who is signed in. */
export interface Session extends Actor {
  /** `viewer` sees; `merchant` also moves its account’s money; `admin` acts on all. */
  readonly role: 'viewer' | 'merchant' | 'admin'
  /** The API key behind the session. */
  readonly key: KeyGrant | undefined
  /** Names the user in the history of a payment. */
  readonly actor: string
  /** The token that every form of the session carries. */
  readonly formToken: string
}

/** The API key of a caller. */
export interface KeyGrant {
  readonly id: string
  readonly scope: string
  /** Whose payments it is for. */
  readonly account: string
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
  /** Null for `default`. */
  readonly apiKeyAccount: string | null
}

const insert = statement<never>('insert_session')
const find = statement<SessionRow>('find_session')
const end = statement<never>('end_session')

/**
 * Random bits, and the account of the API key unless that is `default`: the session is of this account only. A program that
 * does not know accounts refuses it instead of taking it for one of `default`.
 */
const TOKEN = /^[\w-]{43}(?:\.([a-z\d][a-z\d_-]{0,39}))?$/
/** The scopes of API keys that may move money. */
const WRITING = new Set(['write', 'admin'])

/**
 * Keeps sessions in PostgreSQL, which every process of the API shares. The cookie holds no secret but random bits, so it allows
 * no guesses at any other one.
 */
export class Sessions {
  readonly #sql: Database
  readonly #sharedToken: Uint8Array | undefined

  /** @param sharedToken fingerprint of the admin token, if one is set; see {@link fingerprintOf} */
  constructor(sql: Database, sharedToken: Uint8Array | undefined) {
    this.#sql = sql
    this.#sharedToken = sharedToken
  }

  /** Opens a session, with an API key for its account; returns the value of its cookie. */
  async open(name: string, credential: Credential, account: string, lastsMs: number): Promise<string> {
    const suffix = account === DEFAULT_ACCOUNT ? '' : `.${account}`
    const token = `${randomBytes(32).toString('base64url')}${suffix}`
    const none = { operatorId: null, apiKeyId: null, sharedToken: null }
    await insert(this.#sql, { ...none, ...credential, tokenHash: digest(token), name, lastsMs })
    return token
  }

  /** Finds the session of a cookie; undefined when it has ended, or its credential has. */
  async find(cookie: string | undefined): Promise<Session | undefined> {
    const [whole, account = DEFAULT_ACCOUNT] = TOKEN.exec(cookie ?? '') ?? []
    if (whole === undefined) return undefined
    const sharedToken = this.#sharedToken ?? null
    const [row] = await find(this.#sql, { tokenHash: digest(whole), sharedToken })
    const isOfAccount = (row?.apiKeyAccount ?? DEFAULT_ACCOUNT) === account
    return row && isOfAccount ? toSession(row, whole) : undefined
  }

  /** Ends the session of a cookie in every process. */
  async end(cookie: string | undefined): Promise<void> {
    if (cookie !== undefined && TOKEN.test(cookie)) await end(this.#sql, { tokenHash: digest(cookie) })
  }
}

function toSession(row: SessionRow, cookie: string): Session {
  const { name, apiKeyId, apiKeyScope, apiKeyAccount } = row
  const formToken = digest(`form ${cookie}`).toString('base64url')
  const by = { ...actorOf(name, row), formToken }
  if (apiKeyId === null) return { ...by, role: 'admin', key: undefined, actor: `operator:${name}` }
  const scope = apiKeyScope ?? ''
  const key = { id: apiKeyId, scope, account: apiKeyAccount ?? DEFAULT_ACCOUNT }
  const mayAct = apiKeyAccount !== null && WRITING.has(scope)
  return { ...by, role: mayAct ? 'merchant' : 'viewer', key, actor: `api:key_${apiKeyId}` }
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
