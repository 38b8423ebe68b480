// F183
import { expect, test } from 'vitest'
import { oddValues } from '../../queue-core/test/support/odd-values.ts'
import { reasonOf } from '../src/domain/evidence.ts'
import { outcomeOfError } from '../src/gateways/stripe-outcome.ts'

test.each(oddValues())(
  '%s that a gateway throws has a reason, and says nothing of the charge',
  (_what, error) => {
    expect(reasonOf(error)).not.toBe('')
    expect(reasonOf(error).length).toBeLessThanOrEqual(300)
    const call = { mayHaveLeft: true } as Parameters<typeof outcomeOfError>[1]
    expect(outcomeOfError(error, call)).toMatchObject({ type: 'UNKNOWN' })
  },
)
