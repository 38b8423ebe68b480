/** What the customer has to do next: open an address, or answer in the gateway's browser library. */
export type NextAction =
  | { readonly type: 'redirect'; readonly url: string }
  | { readonly type: 'sdk'; readonly clientSecret: string }

/** A token of a gateway, or the name of each gateway and its token. */
export type GatewayToken = string | Readonly<Record<string, string>>

/** Free text and personal data of a payment, capture, void or refund; joined when it is read or sent. */
export interface PaymentDetails {
  readonly paymentMethod: GatewayToken | null
  readonly customer: GatewayToken | null
  /** The merchant's own name of the order. */
  readonly reference: string | null
  /** Of a refund: its reason. */
  readonly description: string | null
  readonly statementDescriptor: string | null
  readonly metadata: Readonly<Record<string, string>> | null
  readonly returnUrl: string | null
  readonly nextAction: NextAction | null
  /** Set when the members above were erased, for good. */
  readonly erasedAt: Date | null
}
