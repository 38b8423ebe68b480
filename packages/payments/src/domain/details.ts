/** What the customer has to do next: open an address, or answer in the gateway's browser library. */
export type NextAction =
  | { readonly type: 'redirect'; readonly url: string }
  | { readonly type: 'sdk'; readonly clientSecret: string }
