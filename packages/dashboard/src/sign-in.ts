import type { Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Access, DashboardEnv } from './access.ts'
import { readForm } from './form.ts'
import { credentials, signInPage } from './pages/sign-in.ts'
import { pathTo } from './paths.ts'
import type { RefusedSignIns } from './refused-sign-ins.ts'
import type { Renderer } from './render.ts'
import { SignInLimit } from './sign-in-limit.ts'

/** What the sign-in needs. */
export interface SignInDependencies {
  readonly access: Access
  readonly renderer: Renderer
  readonly networkOf: (context: Context) => string
  readonly refused: RefusedSignIns
}

/** `/sign-in` and `/sign-out`. */
export function mountSignIn(app: Hono<DashboardEnv>, dependencies: SignInDependencies): void {
  const { access, renderer, networkOf, refused } = dependencies
  const limit = new SignInLimit()

  const page = (context: Context<DashboardEnv>, status = 200, problem?: string): Promise<Response> =>
    renderer.render(context, {
      section: 'sign-in',
      title: 'Sign in',
      content: signInPage(problem),
      isLive: false,
      status,
    })

  app.get('/sign-in', (context) => page(context))

  app.post('/sign-in', access.guardOrigin, async (context) => {
    const network = networkOf(context)
    const waitS = limit.take(network)
    if (waitS !== undefined) {
      refused.count(network)
      context.header('retry-after', String(waitS))
      return page(context, 429, `Too many sign-ins. Try again in ${waitS} s.`)
    }
    const given = v.safeParse(credentials, await readForm(context))
    if (!given.success) return page(context, 403, given.issues[0].message)
    const result = await access.signIn(context, given.output.name, given.output.secret)
    if (result === 'unknown') {
      refused.count(network)
      return page(context, 403, 'Unknown token.')
    }
    limit.refund(network)
    if (result === 'nameless') return page(context, 403, 'Enter your name: this token is shared.')
    return context.redirect(pathTo([], { done: 'signed-in' }), 303)
  })

  app.post('/sign-out', access.guardOrigin, async (context) => {
    await access.signOut(context)
    return context.redirect(pathTo([], { done: 'signed-out' }), 303)
  })
}
