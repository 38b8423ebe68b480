import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { Context, MiddlewareHandler } from 'hono'
import { DASHBOARD_PATH } from './paths.ts'
import { Refusal } from './refusal.ts'
import { createSessions, isSame, sessionKeyOf, type Role, type Session, type Sessions } from './session.ts'

/** What every request of the dashboard carries. */
export interface DashboardEnv {
  Variables: {
    /** Undefined: nobody signed in. */
    session: Session | undefined
  }
}

/**
 * Answers whether the bearer of this `Authorization` header (undefined: none) may see what the API shows. With it the
 * dashboard asks for no less than the API does.
 */
export type Authorize = (authorization: string | undefined) => boolean | Promise<boolean>

/** Who may do what. */
export interface Access {
  /** Finds the session of a request; refuses who may not even see. */
  readonly recognise: MiddlewareHandler<DashboardEnv>
  /** Lets only an admin's own form through: signed in, from this origin, with the session's token. */
  readonly guardAct: MiddlewareHandler<DashboardEnv>
  /** Lets only forms of this origin through. */
  readonly guardOrigin: MiddlewareHandler<DashboardEnv>
  /** Whether anybody can sign in at all. */
  readonly canSignIn: boolean
  /** Signs in who knows the admin token or, where viewing asks for one, an API key; answers the role, if any. */
  signIn(context: Context<DashboardEnv>, name: string, secret: string): Promise<Role | undefined>
  signOut(context: Context<DashboardEnv>): void
  formTokenOf(session: Session): string
}

const COOKIE = 'titan_dashboard'
/** A shift. */
const ADMIN_SESSION_MS = 8 * 3_600_000
/** Short, since a key that is revoked meanwhile is not asked for again. */
const VIEWER_SESSION_MS = 3_600_000

/** Creates the rules from the token of the admins and the API's own check; without either all may see and nobody may act. */
export function createAccess(adminToken: string | undefined, authorize: Authorize | undefined): Access {
  const sessions: Sessions = createSessions(sessionKeyOf(adminToken))

  async function roleOf(secret: string): Promise<Role | undefined> {
    if (adminToken !== undefined && isSame(secret, adminToken)) return 'admin'
    if (authorize !== undefined && (await authorize(`Bearer ${secret}`))) return 'viewer'
    return undefined
  }

  return {
    canSignIn: adminToken !== undefined || authorize !== undefined,
    async recognise(context, next) {
      const session = sessions.open(getCookie(context, COOKIE))
      context.set('session', session)
      const mayView =
        authorize === undefined ||
        session !== undefined ||
        (await authorize(context.req.header('authorization')))
      if (!mayView) throw new Refusal(401, 'Sign in to see this page')
      await next()
    },
    async guardAct(context, next) {
      checkOrigin(context)
      const session = context.get('session')
      if (session?.role !== 'admin') throw new Refusal(403, 'Sign in with the admin token to do this')
      const { form_token: token } = await context.req.parseBody()
      if (typeof token !== 'string' || !isSame(token, sessions.formTokenOf(session)))
        throw new Refusal(403, 'This form belongs to another session: load the page again')
      await next()
    },
    async guardOrigin(context, next) {
      checkOrigin(context)
      await next()
    },
    async signIn(context, name, secret) {
      const role = await roleOf(secret)
      if (role === undefined) return undefined
      const lastsMs = role === 'admin' ? ADMIN_SESSION_MS : VIEWER_SESSION_MS
      setCookie(context, COOKIE, sessions.seal({ name, role, endsAt: Date.now() + lastsMs }), {
        path: DASHBOARD_PATH,
        httpOnly: true,
        sameSite: 'Strict',
        // The browser tells how it came here, whatever stands in between.
        secure: context.req.header('origin')?.startsWith('https:') === true,
        maxAge: lastsMs / 1_000,
      })
      return role
    },
    signOut: (context) => void deleteCookie(context, COOKIE, { path: DASHBOARD_PATH }),
    formTokenOf: (session) => sessions.formTokenOf(session),
  }
}

/** Browsers send both headers with every form; a form of another site cannot forge them. */
function checkOrigin(context: Context<DashboardEnv>): void {
  const origin = context.req.header('origin') ?? ''
  const host = context.req.header('host') ?? new URL(context.req.url).host
  const site = context.req.header('sec-fetch-site') ?? 'same-origin'
  const isOwn = URL.canParse(origin) && new URL(origin).host === host && site === 'same-origin'
  if (!isOwn) throw new Refusal(403, 'This form was not sent from this page')
}
