// F183
import { expect, test } from 'vitest'
import { oddValues } from '../../queue-core/test/support/odd-values.ts'
import { reasonOf } from '../src/domain/evidence.ts'
import { outcomeOfChargeError } from '../src/gateways/stripe/error.ts'
import { attemptOf } from './support/simulator.ts'

test.each(oddValues())(
  '%s that a gateway throws has a reason, and says nothing of the charge',
  (_what, error) => {
    expect(reasonOf(error)).not.toBe('')
    expect(reasonOf(error).length).toBeLessThanOrEqual(300)
    const call = { mayHaveLeft: true } as Parameters<typeof outcomeOfChargeError>[1]
    expect(outcomeOfChargeError(error, call, attemptOf('pay_1'))).toMatchObject({ type: 'UNKNOWN' })
  },
)
