/** What the customer has to do next: open an address, or answer in the gateway's browser library. */
export type NextAction =
  | { readonly type: 'redirect'; readonly url: string }
  | { readonly type: 'sdk'; readonly clientSecret: string }

/** Free text and personal data of a payment, capture, void or refund; joined when it is read or sent. */
export interface PaymentDetails {
  /** The gateway's token, or one for each gateway's name. */
  readonly paymentMethod: string | Readonly<Record<string, string>> | null
  readonly customer: string | Readonly<Record<string, string>> | null
  /** The merchant's own name of the order. */
  readonly reference: string | null
  /** Of a refund: its reason. */
  readonly description: string | null
  readonly statementDescriptor: string | null
  readonly metadata: Readonly<Record<string, string>> | null
  readonly returnUrl: string | null
  readonly nextAction: NextAction | null
  readonly erasedAt: Date | null
}
