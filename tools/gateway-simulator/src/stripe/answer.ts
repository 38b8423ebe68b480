import type { CardRow } from '../model/cards.ts'
import type { CustomerRow } from '../model/customer.ts'
import type { IntentRow } from '../model/intent.ts'
import type { RefundRow } from '../model/refund.ts'
import type { ErrorFacts } from './errors.ts'

/** An answer before it is written out: the rows that it shows, as they were. It is what is stored under a key. */
export interface Answer {
  readonly status: number
  readonly body: AnswerBody
}

type AnswerBody =
  | { readonly kind: 'intent'; readonly intent: IntentRow; readonly expand?: readonly string[] }
  | { readonly kind: 'refund'; readonly refund: RefundRow; readonly expand?: readonly string[] }
  | { readonly kind: 'customer'; readonly customer: CustomerRow }
  | { readonly kind: 'card'; readonly card: CardRow }
  | { readonly kind: 'error'; readonly error: ErrorFacts; readonly intent?: IntentRow }
  | { readonly kind: 'card_error'; readonly intent: IntentRow }
  /** Written out already; never stored. */
  | { readonly kind: 'json'; readonly json: object }
