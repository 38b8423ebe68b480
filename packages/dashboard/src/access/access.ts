import { DEFAULT_ACCOUNT, type Database } from '@titan/payments'
import type { Context, MiddlewareHandler } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { Audited } from '../audit.ts'
import { statement } from '../statements.ts'
import { DASHBOARD_PATH } from '../web/paths.ts'
import { readForm, Refusal } from '../web/refusal.ts'
import { createOperatorStore } from './operators.ts'
import {
  actorOf,
  fingerprintOf,
  isSame,
  Sessions,
  type Credential,
  type KeyGrant,
  type Session,
} from './session.ts'

/** What every request of the dashboard carries. */
export interface DashboardEnv {
  Variables: {
    /** Undefined: not signed in. */
    session: Session | undefined
    /** Whether evidence, operators, workers and raw jobs are shown, which the API hides. Undefined before that is known. */
    seesEvidence: boolean | undefined
    /** The one account whose payments are shown; undefined for operators, who see all. */
    account: string | undefined
    /** The same, where there are other accounts to hide. */
    tenant: string | undefined
    /** Whether webhook endpoints are shown with whole URLs, which may hold tokens, and may be sent to again. */
    seesUrls: boolean | undefined
  }
}

/**
 * Returns the account that a request is confined to: of everything else it learns nothing. Undefined for operators, and for keys
 * of `default` while that is the only account.
 */
export function tenantOf(context: Context<DashboardEnv>): string | undefined {
  return context.get('tenant')
}

/**
 * Finds the API key that an `Authorization` header carries (undefined: no header); undefined when it is not valid. With it
 * the dashboard requires what the API requires.
 */
export type Authorize = (authorization: string | undefined) => Promise<KeyGrant | undefined>

/** What {@link Access} needs. */
interface AccessOptions {
  readonly sql: Database
  readonly audited: Audited
  /** The shared admin token. Undefined: only operators with their own token may act. */
  readonly adminToken: string | undefined
  /** Undefined: all may see. */
  readonly authorize: Authorize | undefined
  /** Whether a proxy in front writes `X-Forwarded-Host`. */
  readonly isBehindProxy: boolean
}

type Guard = MiddlewareHandler<DashboardEnv>

/** Whom a secret belongs to. */
interface User {
  readonly name: string
  readonly credential: Credential
  readonly account: string
}

const hasOthers = statement<{ readonly exists: boolean }>('has_other_accounts')

const COOKIE = 'titan_dashboard'
/** A shift. A session also ends with its credential. */
const SESSION_MS = 8 * 3_600_000
/** The scope of API keys that see what others do not: of `default` what the API hides, of others the URLs of endpoints. */
const DETAIL_SCOPE = 'admin'

/** Decides who may do what. */
export class Access {
  readonly #options: AccessOptions
  readonly #sharedToken
  readonly #sessions
  readonly #operators

  constructor(options: AccessOptions) {
    const { sql, adminToken } = options
    this.#options = options
    this.#sharedToken = adminToken === undefined ? undefined : fingerprintOf(adminToken)
    this.#sessions = new Sessions(sql, this.#sharedToken)
    this.#operators = createOperatorStore(sql)
  }

  /** Finds the session of a request; refuses those who may not even see. */
  readonly recognise: Guard = async (context, next) => {
    const { authorize } = this.#options
    const session = await this.#sessions.find(getCookie(context, COOKIE)).catch((error: unknown) => {
      // Pages that everyone may see are still useful while PostgreSQL is away.
      if (authorize === undefined && context.req.method === 'GET') return undefined
      throw error
    })
    const key = session === undefined ? await authorize?.(context.req.header('authorization')) : undefined
    if (authorize !== undefined && session === undefined && key === undefined)
      throw new Refusal(401, 'Sign in to see this page')
    const grant = session === undefined ? key : session.key
    const account = restrictionOf(grant, authorize === undefined)
    context.set('session', session)
    context.set('account', account)
    context.set('tenant', (await this.#isOnly(account)) ? undefined : account)
    context.set('seesEvidence', account === undefined)
    context.set('seesUrls', account === undefined || grant?.scope === DETAIL_SCOPE)
    await next()
  }

  /** Lets no caller through who is confined to an account: for it these pages do not exist. */
  readonly guardOperators: Guard = async (context, next) => {
    if (tenantOf(context) !== undefined) throw new Refusal(404, 'There is no such page')
    await next()
  }

  /** Lets only those through who see evidence: operators, and API keys with the scope admin. */
  readonly guardEvidence: Guard = async (context, next) => {
    if (context.get('seesEvidence') !== true)
      throw new Refusal(403, 'Sign in as an operator, or with an API key of the scope admin, to see this')
    await next()
  }

  /** Lets only forms of this origin through. */
  readonly guardOrigin: Guard = async (context, next) => {
    checkOrigin(context, this.#options.isBehindProxy)
    await next()
  }

  /** Lets only the form of a user who may act through: signed in, from this origin, with the session's token. */
  readonly guardAct: Guard = async (context, next) => {
    checkOrigin(context, this.#options.isBehindProxy)
    const session = context.get('session')
    if (session === undefined || session.role === 'viewer')
      throw new Refusal(
        403,
        tenantOf(context) === undefined
          ? 'Sign in as an operator to do this'
          : 'Sign in with an API key of the scope write to do this',
      )
    const { form_token: token } = await readForm(context)
    if (typeof token !== 'string' || !isSame(token, session.formToken))
      throw new Refusal(403, 'This form belongs to another session: reload the page')
    await next()
  }

  /**
   * Signs in with an operator's token, the shared admin token or, where the API requires keys, an API key.
   *
   * @returns `unknown` when the secret is not known, `nameless` when it proves no name and `typedName` is empty
   */
  async signIn(context: Context<DashboardEnv>, typedName: string, secret: string) {
    const user = await this.#identify(typedName, secret)
    if (user === undefined) return 'unknown'
    const { name, credential, account } = user
    if (name === '') return 'nameless'
    const actor = actorOf(name, credential)
    let cookie = ''
    await this.#options.audited({ ...actor, action: 'sign-in', target: 'dashboard', note: '' }, async () => {
      await this.#sessions.end(getCookie(context, COOKIE))
      cookie = await this.#sessions.open(name, credential, account, SESSION_MS)
      return 'signed in'
    })
    setCookie(context, COOKIE, cookie, {
      path: DASHBOARD_PATH,
      httpOnly: true,
      sameSite: 'Strict',
      // The browser says how it reached this page, whatever proxies are in between.
      secure: context.req.header('origin')?.startsWith('https:') === true,
      maxAge: SESSION_MS / 1_000,
    })
    return 'done'
  }

  async signOut(context: Context<DashboardEnv>): Promise<void> {
    await this.#sessions.end(getCookie(context, COOKIE))
    deleteCookie(context, COOKIE, { path: DASHBOARD_PATH })
  }

  async #isOnly(account: string | undefined): Promise<boolean> {
    if (account !== DEFAULT_ACCOUNT) return false
    const [others] = await hasOthers(this.#options.sql, {})
    return others?.exists === false
  }

  /** Finds the user of a secret. Only an operator's token names a person. */
  async #identify(name: string, secret: string): Promise<User | undefined> {
    const account = DEFAULT_ACCOUNT
    const operator = await this.#operators.authenticate(secret)
    if (operator !== undefined)
      return { name: operator.name, credential: { operatorId: operator.id }, account }
    const { adminToken, authorize } = this.#options
    const sharedToken = this.#sharedToken
    if (adminToken !== undefined && sharedToken !== undefined && isSame(secret, adminToken))
      return { name, credential: { sharedToken }, account }
    const key = await authorize?.(`Bearer ${secret}`)
    return key && { name, credential: { apiKeyId: key.id }, account: key.account }
  }
}

/** Returns the one account that a key sees; undefined for operators, who see all. `isOpen`: so does everyone without a key. */
function restrictionOf(key: KeyGrant | undefined, isOpen: boolean): string | undefined {
  if (key === undefined) return undefined
  const isOperator = key.account === DEFAULT_ACCOUNT && (isOpen || key.scope === DETAIL_SCOPE)
  return isOperator ? undefined : key.account
}

/**
 * Browsers send both headers with every form, and no page of another site can forge them. A proxy may change `Host`: then
 * `X-Forwarded-Host` counts as well, which no page can set.
 */
function checkOrigin(context: Context<DashboardEnv>, isBehindProxy: boolean): void {
  const origin = context.req.header('origin') ?? ''
  const site = context.req.header('sec-fetch-site') ?? 'same-origin'
  if (!URL.canParse(origin) || site !== 'same-origin')
    throw new Refusal(403, 'This form was not sent from this page')
  const { protocol, host } = new URL(origin)
  const own = context.req.header('host') ?? new URL(context.req.url).host
  const forwarded = isBehindProxy ? (context.req.header('x-forwarded-host') ?? '').split(',') : []
  const isOwn = [own, ...forwarded].some((name) => {
    const url = `${protocol}//${name.trim()}`
    return URL.canParse(url) && new URL(url).host === host
  })
  if (isOwn) return
  throw new Refusal(
    403,
    `This form was sent from ${host} to ${own}. A proxy in between must pass the header Host, or set X-Forwarded-Host with TRUSTED_PROXIES`,
  )
}
