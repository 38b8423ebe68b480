/** What is remembered of a customer. */
export interface CustomerRow {
  readonly id: string
  /** Epoch milliseconds. */
  readonly created: number
  readonly name: string | null
  readonly email: string | null
  readonly phone: string | null
  readonly description: string | null
  readonly metadata: Readonly<Record<string, string>>
}
