import { html } from 'hono/html'
import * as v from 'valibot'
import type { Html } from '../markup/parts.ts'
import { pathTo } from '../paths.ts'

/** What a user signs in with. */
export interface Credentials {
  /** Empty with an operator's token, which has a name. */
  readonly name: string
  readonly secret: string
}

/** Reads them from the form. */
export const credentials: v.GenericSchema<unknown, Credentials> = v.object({
  name: v.pipe(
    v.string(),
    v.trim(),
    v.regex(/^[\p{L}\p{N} ._@+-]{0,100}$/u, 'Use a name of letters, digits, spaces and . _ @ + -'),
  ),
  secret: v.pipe(
    v.string(),
    v.trim(),
    v.nonEmpty('Enter the token.'),
    v.maxLength(1_000, 'The token is too long.'),
  ),
})

/** The form to sign in with. */
export function signInPage(problem?: string): Html {
  return html`<section class="card narrow">
    <h1>Sign in</h1>
    <p>
      <code>titan operators create NAME</code> prints a token for you. With it you can act, and the audit
      record proves your name. The shared admin token also lets you act. An API key is read-only.
    </p>
    ${problem === undefined ? '' : html`<p class="notice notice-error" role="alert">${problem}</p>`}
    <form method="post" action="${pathTo(['sign-in'])}" class="stack">
      <label
        ><span>Your name <span class="muted">(not needed with an operator token)</span></span>
        <input name="name" maxlength="100" autocomplete="username"
      /></label>
      <label
        >Operator token, admin token or API key
        <input name="secret" type="password" required maxlength="1000" autocomplete="current-password"
      /></label>
      <div class="actions"><button class="button primary">Sign in</button></div>
    </form>
  </section>`
}

/** Renders a page that explains a refusal. */
export function refusalPage(title: string, text: string): Html {
  return html`<section class="card narrow">
    <h1>${title}</h1>
    <p>${text}</p>
    <p><a class="button" href="${pathTo()}">To the overview</a></p>
  </section>`
}
