import type { Context, Hono } from 'hono'
import * as v from 'valibot'
import { credentials, signInPage } from '../pages/sign-in.ts'
import type { Services } from '../services.ts'
import { pathTo } from '../web/paths.ts'
import { readForm } from '../web/refusal.ts'
import type { DashboardEnv } from './access.ts'
import { SignInLimit, type RefusedSignIns } from './sign-in-limit.ts'

/** Mounts `/sign-in` and `/sign-out`. */
export function mountSignIn(
  app: Hono<DashboardEnv>,
  { access, renderer }: Services,
  networkOf: (context: Context) => string,
  refused: RefusedSignIns,
): void {
  const limit = new SignInLimit()

  const show = (context: Context<DashboardEnv>, status = 200, problem?: string): Promise<Response> => {
    const content = signInPage(problem)
    return renderer.render(context, { section: 'sign-in', title: 'Sign in', content, isLive: false }, status)
  }

  app.get('/sign-in', (context) => show(context))

  app.post('/sign-in', access.guardOrigin, async (context) => {
    const network = networkOf(context)
    const waitS = limit.take(network)
    if (waitS !== undefined) {
      refused.count(network)
      context.header('retry-after', String(waitS))
      return show(context, 429, `Too many sign-ins. Try again in ${waitS} s.`)
    }
    const given = v.safeParse(credentials, await readForm(context))
    if (!given.success) return show(context, 403, given.issues[0].message)
    const result = await access.signIn(context, given.output.name, given.output.secret)
    if (result === 'unknown') {
      refused.count(network)
      return show(context, 403, 'Unknown token.')
    }
    limit.refund(network)
    if (result === 'nameless') return show(context, 403, 'Enter your name: this token is shared.')
    return context.redirect(pathTo([], { done: 'signed-in' }), 303)
  })

  app.post('/sign-out', access.guardOrigin, async (context) => {
    await access.signOut(context)
    return context.redirect(pathTo([], { done: 'signed-out' }), 303)
  })
}
