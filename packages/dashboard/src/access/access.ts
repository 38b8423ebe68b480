import type { Database } from '@titan/payments'
import type { Context, MiddlewareHandler } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { Audited } from '../audit.ts'
import { DASHBOARD_PATH } from '../web/paths.ts'
import { readForm, Refusal } from '../web/refusal.ts'
import { createOperatorStore } from './operators.ts'
import { actorOf, fingerprintOf, isSame, Sessions, type Credential, type Session } from './session.ts'

/** What every request of the dashboard carries. */
export interface DashboardEnv {
  Variables: {
    /** Undefined: not signed in. */
    session: Session | undefined
    /** Whether evidence, operators, workers and raw jobs are shown, which the API hides. Undefined before that is known. */
    seesDetails: boolean | undefined
  }
}

/** The API key of a caller. */
export interface KeyGrant {
  readonly id: string
  readonly scope: string
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

const COOKIE = 'titan_dashboard'
/** A shift. A session also ends with its credential. */
const SESSION_MS = 8 * 3_600_000
/** The scope of API keys that see what the API hides. */
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
    const scope = session?.scope ?? key?.scope
    context.set('session', session)
    context.set('seesDetails', authorize === undefined || session?.role === 'admin' || scope === DETAIL_SCOPE)
    await next()
  }

  /** Lets only those through who see details: operators, and API keys with the scope admin. */
  readonly guardDetails: Guard = async (context, next) => {
    if (context.get('seesDetails') !== true)
      throw new Refusal(403, 'Sign in as an operator, or with an API key of the scope admin, to see this')
    await next()
  }

  /** Lets only forms of this origin through. */
  readonly guardOrigin: Guard = async (context, next) => {
    checkOrigin(context, this.#options.isBehindProxy)
    await next()
  }

  /** Lets only an admin's own form through: signed in, from this origin, with the session's token. */
  readonly guardAct: Guard = async (context, next) => {
    checkOrigin(context, this.#options.isBehindProxy)
    const session = context.get('session')
    if (session?.role !== 'admin') throw new Refusal(403, 'Sign in as an operator to do this')
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
    const { name, credential } = user
    if (name === '') return 'nameless'
    const actor = actorOf(name, credential)
    let cookie = ''
    await this.#options.audited({ ...actor, action: 'sign-in', target: 'dashboard', note: '' }, async () => {
      await this.#sessions.end(getCookie(context, COOKIE))
      cookie = await this.#sessions.open(name, credential, SESSION_MS)
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

  /** Finds the user of a secret. Only an operator's token names a person. */
  async #identify(
    name: string,
    secret: string,
  ): Promise<{ name: string; credential: Credential } | undefined> {
    const operator = await this.#operators.authenticate(secret)
    if (operator !== undefined) return { name: operator.name, credential: { operatorId: operator.id } }
    const { adminToken, authorize } = this.#options
    const sharedToken = this.#sharedToken
    if (adminToken !== undefined && sharedToken !== undefined && isSame(secret, adminToken))
      return { name, credential: { sharedToken } }
    const key = await authorize?.(`Bearer ${secret}`)
    return key && { name, credential: { apiKeyId: key.id } }
  }
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
