import { statementsIn, type Statement } from '@titan/payments'

/** Reads one of the statements of this package. */
export const statement: <Row>(name: string) => Statement<Row> = statementsIn(
  new URL('../../statements/', import.meta.url),
)

/** One page of a list. */
export interface PageRequest {
  /** Continues after this id, the last of the page before. */
  readonly after?: string | undefined
  /** 1 to 500. @default 50 */
  readonly limit?: number | undefined
}

/** Returns the length of a page: 50 by default, never more than 500, whatever is requested. */
export function pageLength(limit = 50) {
  return Math.max(1, Math.min(500, limit))
}
