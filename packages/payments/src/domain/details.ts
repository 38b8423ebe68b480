/** What the customer has to do next: open an address, or answer in the gateway's browser library. */
export type NextAction =
  | { readonly type: 'redirect'; readonly url: string }
  | { readonly type: 'sdk'; readonly clientSecret: string }

/** Shorter texts are found everywhere by chance. */
const SHORTEST_MASKED = 4

/** The text without what a payment said of itself: a gateway may repeat it in an answer, which is kept when it is erased. */
export function maskDetails(text: string, details: PaymentDetails | null): string {
  if (details === null) return text
  const { paymentMethod, customer, reference, description, statementDescriptor, metadata, returnUrl } =
    details
  const said = [
    paymentMethod,
    customer,
    reference,
    description,
    statementDescriptor,
    metadata,
    returnUrl,
  ].flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : (value ?? [])))
  return said
    .filter((one) => one.length >= SHORTEST_MASKED)
    .toSorted((one, other) => other.length - one.length)
    .reduce((masked, one) => masked.replaceAll(one, '[detail]'), text)
}

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
