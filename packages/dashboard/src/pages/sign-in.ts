import { html } from 'hono/html'
import * as v from 'valibot'
import { field } from '../markup/forms.ts'
import type { Html } from '../markup/parts.ts'
import { pathTo } from '../web/paths.ts'

/** Reads what a user signs in with from the form. */
export const credentials = v.object({
  /** Empty with an operator's token, which has a name. */
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

/** Renders the form to sign in with. */
export function signInPage(problem?: string): Html {
  const name = { name: 'name', maxlength: 100, autocomplete: 'username' }
  const secret = { name: 'secret', type: 'password', maxlength: 1_000, autocomplete: 'current-password' }
  return html`<section class="card narrow stack">
    <h1>Sign in</h1>
    <p>
      <code>titan operators create NAME</code> prints a token for you. With it you can act, and the audit
      record proves your name. The shared admin token also lets you act. An API key of <code>default</code> is
      read-only; one of another account shows that account, moves its money with the scope write, and also
      sends webhooks again with the scope admin.
    </p>
    ${problem !== undefined && html`<p class="notice" data-tone="red" role="alert">${problem}</p>`}
    <form method="post" action="${pathTo(['sign-in'])}" class="stack">
      ${field('Your name', name, { hint: 'not needed with an operator token' })}
      ${field('Operator token, admin token or API key', { ...secret, required: true })}
      <div class="actions"><button class="button primary">Sign in</button></div>
    </form>
  </section>`
}

/** Renders a page that explains a refusal. */
export function refusalPage(title: string, text: string): Html {
  return html`<section class="card narrow stack">
    <h1>${title}</h1>
    <p>${text}</p>
    <p><a class="button" href="${pathTo()}">To the overview</a></p>
  </section>`
}
