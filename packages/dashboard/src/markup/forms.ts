import { html } from 'hono/html'
import type { Viewer } from './layout.ts'
import type { Content, Html } from './parts.ts'

/** Renders a form that acts. Only admins see it: it carries the token of their session. */
export function actForm(
  { formToken }: Viewer,
  action: string,
  content: Html,
  layout: 'inline' | 'stack' = 'stack',
): Content {
  if (formToken === undefined) return false
  return html`<form method="post" action="${action}" class="${layout}">
    <input type="hidden" name="form_token" value="${formToken}" />
    ${content}
  </form>`
}

/** A button that acts. */
interface ActButton {
  readonly viewer: Viewer
  /** Where it posts to. */
  readonly action: string
  readonly label: string
  /** Hidden fields to be sent with it. */
  readonly fields?: Content | readonly Html[]
}

/** Renders a button that acts at once; `hint` follows its label for screen readers. Only admins see it. */
export function actButton({
  viewer,
  action,
  label,
  fields = '',
  kind = 'plain',
  hint = '',
}: ActButton & { readonly kind?: 'plain' | 'primary'; readonly hint?: string }): Content {
  const button = html`<button class="button ${kind}">${label}<span class="sr-only"> ${hint}</span></button>`
  return actForm(viewer, action, html`${fields}${button}`, 'inline')
}

/** Renders a button that first asks for a reason in a dialog. Only admins see it. */
export function askButton({
  viewer,
  action,
  label,
  fields = '',
  title,
  text,
  noteLabel,
}: ActButton & { readonly title: string; readonly text: string; readonly noteLabel: string }): Content {
  const asked = html`${fields} ${textArea(noteLabel, { name: 'note', minlength: 5 })}`
  return dialogButton({ viewer, action, label, fields: asked, title, text, id: 'ask' })
}

/** Renders a button that asks for a confirmation in a dialog, which shows its fields. Only admins see it. */
export function dialogButton({
  viewer,
  action,
  label,
  fields = '',
  title,
  text,
  id,
}: ActButton & { readonly title: string; readonly text: string; readonly id: string }): Content {
  if (viewer.formToken === undefined) return false
  const content = html`<h2 id="${id}-title">${title}</h2>
    <p>${text}</p>
    ${fields}
    <div class="actions">
      <button class="button" type="button" commandfor="${id}" command="close">Keep</button>
      <button class="button primary danger">${label}</button>
    </div>`
  return html`<button class="button danger" type="button" commandfor="${id}" command="show-modal">
      ${label}
    </button>
    <dialog id="${id}" aria-labelledby="${id}-title" closedby="any">
      ${actForm(viewer, action, content)}
    </dialog>`
}

/** Attributes of a control, by name; true is one without a value. */
type Attributes = { readonly name: string } & Readonly<Record<string, string | number | true>>

/** Renders an input with its label; `hint` follows the label in grey. */
export function field(
  label: string,
  attributes: Attributes,
  { hint, isWide = false }: { readonly hint?: string; readonly isWide?: boolean } = {},
): Html {
  return html`<label class="${isWide ? 'wide' : ''}">
    <span>${label} ${hint !== undefined && html`<span class="muted">(${hint})</span>`}</span>
    <input ${attributesOf({ ...attributes, spellcheck: 'false' })} />
  </label>`
}

/** Renders a box for a reason or for evidence, with its label. */
export function textArea(label: string, attributes: Attributes): Html {
  return html`<label>
    ${label}
    <textarea ${attributesOf({ ...attributes, rows: 3, required: true, maxlength: 2_000 })}></textarea>
  </label>`
}

function attributesOf(attributes: Attributes): Html[] {
  return Object.entries(attributes).map(([name, value]) =>
    value === true ? html` ${name}` : html` ${name}="${value}"`,
  )
}

/** Renders a choice between values, with its label. */
export function select(
  label: string,
  name: string,
  choices: readonly (readonly [value: string, label: string])[],
  chosen: string,
): Html {
  const options = choices.map(
    ([value, text]) => html`<option value="${value}" ${value === chosen && html`selected`}>${text}</option>`,
  )
  return html`<label>
    ${label}
    <select name="${name}">
      ${options}
    </select>
  </label>`
}

/** Renders the search form above a list; `clear` leads to the list without a search. */
export function searchForm(
  action: string,
  submit: string,
  fields: readonly Html[],
  clear: string | false,
): Html {
  return html`<form class="card filters" role="search" action="${action}">
    ${fields}
    <div class="actions">
      <button class="button primary">${submit}</button>
      ${clear && html`<a class="button" href="${clear}">Clear</a>`}
    </div>
  </form>`
}
