import { html } from 'hono/html'
import * as v from 'valibot'
import type { Html } from '../markup/parts.ts'
import { pathTo } from '../paths.ts'

/** What somebody signs in with. */
export interface Credentials {
  readonly name: string
  readonly secret: string
}

/** Reads them from the form. */
export const credentials: v.GenericSchema<unknown, Credentials> = v.object({
  name: v.pipe(
    v.string(),
    v.trim(),
    v.regex(/^[\p{L}\p{N} ._@+-]{1,100}$/u, 'Give a name of letters, digits, spaces and . _ @ + -'),
  ),
  secret: v.pipe(
    v.string(),
    v.trim(),
    v.nonEmpty('Give the token.'),
    v.maxLength(1_000, 'The token is too long.'),
  ),
})

/** Asks who somebody is. */
export function signInPage({
  canSignIn,
  problem,
}: {
  readonly canSignIn: boolean
  readonly problem?: string | undefined
}): Html {
  if (!canSignIn)
    return html`<section class="card narrow">
      <h1>Read-only</h1>
      <p>
        Nobody can sign in: the API was started without <code>DASHBOARD_ADMIN_TOKEN</code>. Set it to a secret
        of at least 32 characters to be able to act.
      </p>
      <p><a class="button" href="${pathTo()}">To the overview</a></p>
    </section>`
  return html`<section class="card narrow">
    <h1>Sign in</h1>
    <p>The admin token lets you act; where the API asks for keys, one with the right to read lets you see.</p>
    ${problem === undefined ? '' : html`<p class="notice notice-error" role="alert">${problem}</p>`}
    <form method="post" action="${pathTo(['sign-in'])}" class="stack">
      <label
        ><span>Your name <span class="muted">(goes into the audit record)</span></span>
        <input name="name" required maxlength="100" autocomplete="username"
      /></label>
      <label
        >Admin token or API key
        <input name="secret" type="password" required maxlength="1000" autocomplete="current-password"
      /></label>
      <div class="actions"><button class="button primary">Sign in</button></div>
    </form>
  </section>`
}

/** A page that says why there is no other. */
export function refusalPage(title: string, text: string): Html {
  return html`<section class="card narrow">
    <h1>${title}</h1>
    <p>${text}</p>
    <p><a class="button" href="${pathTo()}">To the overview</a></p>
  </section>`
}
