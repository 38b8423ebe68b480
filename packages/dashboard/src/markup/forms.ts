import { html } from 'hono/html'
import type { Viewer } from './layout.ts'
import type { Html } from './parts.ts'

/** Renders a button that acts at once. Only admins see it. */
export function actButton({
  viewer,
  action,
  label,
  kind = 'plain',
  hint = '',
}: {
  readonly viewer: Viewer
  /** Where it posts to. */
  readonly action: string
  readonly label: string
  readonly kind?: 'plain' | 'primary'
  /** Text for screen readers, after the label. */
  readonly hint?: string
}): Html | string {
  if (viewer.formToken === undefined) return ''
  return html`<form method="post" action="${action}" class="inline">
    <input type="hidden" name="form_token" value="${viewer.formToken}" />
    <button class="button ${kind}">${label}<span class="sr-only"> ${hint}</span></button>
  </form>`
}

/** Renders a button that first asks for a reason in a dialog. Only admins see it. */
export function askButton({
  viewer,
  id,
  action,
  label,
  title,
  text,
  noteLabel,
  fields = '',
}: {
  readonly viewer: Viewer
  readonly id: string
  readonly action: string
  readonly label: string
  readonly title: string
  readonly text: string
  readonly noteLabel: string
  readonly fields?: Html | string | readonly Html[]
}): Html | string {
  if (viewer.formToken === undefined) return ''
  return html`<button class="button danger" type="button" commandfor="${id}" command="show-modal">
      ${label}
    </button>
    <dialog id="${id}" aria-labelledby="${id}-title" closedby="any">
      <form method="post" action="${action}" class="stack">
        <h2 id="${id}-title">${title}</h2>
        <p>${text}</p>
        <input type="hidden" name="form_token" value="${viewer.formToken}" />
        ${fields}
        <label
          >${noteLabel}
          <textarea name="note" rows="3" required minlength="5" maxlength="2000"></textarea>
        </label>
        <div class="actions">
          <button class="button" type="button" commandfor="${id}" command="close">Keep</button>
          <button class="button danger">${label}</button>
        </div>
      </form>
    </dialog>`
}

/** Renders the options of a select, with the chosen one. */
export function options(
  choices: readonly (readonly [value: string, label: string])[],
  chosen: string,
): Html[] {
  return choices.map(([value, label]) =>
    value === chosen
      ? html`<option value="${value}" selected>${label}</option>`
      : html`<option value="${value}">${label}</option>`,
  )
}
