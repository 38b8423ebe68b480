import { PaymentsError } from '../../domain/errors.ts'
import type { BreakKind } from '../../domain/payment.ts'

/** A difference between a gateway's books and ours. */
export interface FoundDifference {
  readonly kind: BreakKind
  /** The payment or movement; null when there is none here. */
  readonly paymentId: string | null
  /** The gateway's id of the record. */
  readonly reference: string
  /** Whether this comparison recorded it. */
  readonly isNew: boolean
}

/** What a comparison found. */
export interface ComparisonReport {
  readonly gateway: string
  readonly since: Date
  readonly until: Date
  /** Records of the gateway in that span. */
  readonly records: number
  /** Of those: ours, and those of the account's other business. */
  readonly compared: number
  readonly foreign: number
  /** Records of what is under way here: workers find out. */
  readonly open: number
  /** Our successes in that span, which the gateway must have. */
  readonly moved: number
  /** What was taken over as a webhook's word is. */
  readonly reported: number
  /** What could not be compared, because the gateway was not asked or did not answer. */
  readonly unchecked: number
  /** Differences of earlier comparisons that are none any more. */
  readonly closed: number
  /** Differences that are open, new ones and known ones, and the number of those that are new. */
  readonly differences: number
  readonly recorded: number
  /** The first of them. */
  readonly found: readonly FoundDifference[]
}

/** Differences that a report names. */
const SHOWN = 100
/** New differences after which a comparison ends: more of them have one cause. */
const MOST_NEW = 1_000

/** A report while it is made. */
export class Tally {
  records = 0
  compared = 0
  foreign = 0
  open = 0
  moved = 0
  reported = 0
  unchecked = 0
  closed = 0
  differences = 0
  recorded = 0
  readonly found: FoundDifference[] = []
  /** References of open differences of earlier comparisons, until they are found again or closed. */
  readonly pending = new Set<string>()

  /** @throws {PaymentsError} `TOO_MANY_DIFFERENCES` */
  differ(difference: FoundDifference): void {
    this.pending.delete(difference.reference)
    this.differences++
    if (difference.isNew) this.recorded++
    if (this.found.length < SHOWN) this.found.push(difference)
    if (this.recorded >= MOST_NEW)
      throw new PaymentsError(
        'TOO_MANY_DIFFERENCES',
        `${MOST_NEW} new differences: check that the credentials are those of the gateway account that charges`,
      )
  }

  report(gateway: string, since: Date, until: Date): ComparisonReport {
    const { pending: _, ...counts } = this
    return { gateway, since, until, ...counts }
  }
}
