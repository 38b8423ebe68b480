import { ACCOUNT_ID, DEFAULT_ACCOUNT } from '@titan/payments'
import { html } from 'hono/html'
import * as v from 'valibot'
import { field } from '../markup/forms.ts'
import type { Viewer } from '../markup/layout.ts'
import type { Column, Html } from '../markup/parts.ts'
import { pathTo } from '../web/paths.ts'

interface OfAccount {
  readonly account: string
}

/** Reads the account that a list is narrowed to; '' is any. */
export const accountText = v.optional(
  v.pipe(
    v.string(),
    v.trim(),
    v.check((text) => text === '' || ACCOUNT_ID.test(text)),
  ),
  '',
)

/** Whether it is of an account other than `default`. */
export function isNamed({ account }: OfAccount): boolean {
  return account !== DEFAULT_ACCOUNT
}

/** Renders an account as a link to all that is its own in a list. */
export function accountLink({ account }: OfAccount, list: 'payments' | 'refunds'): Html {
  return html`<a href="${pathTo([list], { account })}">${account}</a>`
}

/** Returns the column of the account, where there is more than `default` and the viewer sees all. */
export function accountColumn<Row extends OfAccount>(
  rows: readonly Row[],
  { tenant }: Viewer,
  list: 'payments' | 'refunds',
): Column<Row> | false {
  return (
    tenant === undefined && rows.some(isNamed) && { title: 'Account', cell: (row) => accountLink(row, list) }
  )
}

/** Returns the field of the account, where there is more than `default` and the viewer sees all. */
export function accountField(
  { account }: OfAccount,
  rows: readonly OfAccount[],
  { tenant }: Viewer,
): readonly Html[] {
  if (tenant !== undefined || (account === '' && !rows.some(isNamed))) return []
  return [field('Account', { name: 'account', value: account, maxlength: 40, autocomplete: 'off' })]
}
