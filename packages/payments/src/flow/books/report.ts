import { PaymentsError } from '../../domain/errors.ts'
import type { ComparisonReport, FoundDifference } from '../../domain/reconciliation.ts'

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
