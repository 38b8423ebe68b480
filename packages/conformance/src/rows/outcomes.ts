import { decimalsOf } from '@titan/payments'
import type { SampleRequest } from '../gateway.ts'
import { describe, Mismatch, NotChecked, requireType } from '../outcome.ts'
import type { Row } from '../row.ts'
import { lookupOf, requireMoney, type Trial } from '../trial.ts'
import { amountTexts } from '../wire/faults.ts'
import { mainRequest, partsOf } from '../wire/received.ts'

export const RETURN_URL = 'https://shop.example/return'

/** @throws NotChecked when the check names no such request */
export function requireSample(sample: SampleRequest | undefined, name: string): SampleRequest {
  if (sample === undefined) throw new NotChecked(`the check file names no samples.${name}`)
  return sample
}

function declineRow(kind: 'hard' | 'soft', name: 'declinedHard' | 'declinedSoft'): Row {
  return {
    behaviour: `charge: a decline that is ${kind === 'hard' ? 'final' : 'not final'}`,
    expected: `DECLINED ${kind}, the same when repeated`,
    advice: 'Return DECLINED with the code of the gateway: hard is final, soft may succeed in a new attempt.',
    async run(trial) {
      const request = trial.newCharge(requireSample(trial.suite.check.samples[name], name))
      for (const send of ['first', 'repeat']) {
        const outcome = requireType(await trial.charge(request), 'DECLINED')
        if (outcome.kind !== kind || outcome.code === '') throw new Mismatch(`${describe(outcome)} (${send})`)
      }
      const charges = await trial.suite.server?.charges?.(request)
      if (charges !== undefined && charges.length > 0) throw new Mismatch('the gateway charged')
      return `DECLINED ${kind}`
    },
  }
}

/** What the gateway itself says of a charge. */
export const OUTCOME_ROWS: readonly Row[] = [
  {
    behaviour: 'charge: all is well',
    expected: 'SUCCEEDED with id, amount and currency of the answer',
    advice: 'Return SUCCEEDED with what the gateway says that it moved.',
    async run(trial) {
      const request = trial.newCharge()
      const outcome = requireType(await trial.charge(request), 'SUCCEEDED')
      requireMoney(outcome, request)
      if (outcome.gatewayRef === '') throw new Mismatch('an empty gatewayRef')
      return describe(outcome)
    },
  },
  declineRow('hard', 'declinedHard'),
  declineRow('soft', 'declinedSoft'),
  {
    behaviour: 'charge: the bank asks the customer, who is there',
    expected: 'REQUIRES_ACTION with an address or a secret',
    advice: 'Return REQUIRES_ACTION with nextAction; nothing has moved.',
    async run(trial) {
      const sample = requireSample(trial.suite.check.samples.asksCustomer, 'asksCustomer')
      const request = trial.newCharge({ ...sample, customerPresent: true, returnUrl: RETURN_URL })
      const outcome = requireType(await trial.charge(request), 'REQUIRES_ACTION')
      return `REQUIRES_ACTION ${outcome.nextAction.type}`
    },
  },
  {
    behaviour: 'charge: the bank asks the customer, who is away',
    expected: 'DECLINED',
    advice:
      'Tell the gateway that the customer is away unless customerPresent is true; its question is then a decline.',
    async run(trial) {
      const sample = requireSample(trial.suite.check.samples.asksCustomer, 'asksCustomer')
      return describe(requireType(await trial.charge(trial.newCharge(sample)), 'DECLINED'))
    },
  },
  {
    behaviour: 'charge: the signal has aborted before',
    expected: 'NOT_SENT and nothing sent, or UNKNOWN',
    advice: 'Pass the signal to the HTTP client before anything is sent.',
    async run(trial) {
      const gateway = await trial.gateway()
      const request = trial.newCharge()
      const signal = AbortSignal.abort(new Error('given up'))
      const outcome = await trial.call('charge', () => gateway.charge(request, { signal }))
      requireType(outcome, 'NOT_SENT', 'UNKNOWN')
      const charges = (await trial.suite.server?.charges?.(request)) ?? []
      if (outcome.type === 'NOT_SENT' && charges.length > 0) throw new Mismatch('NOT_SENT, and charged')
      return describe(outcome)
    },
  },
  currencyRow('JPY', 1_237),
  currencyRow('KWD', 12_370),
]

function currencyRow(currency: string, amount: number): Row {
  return {
    behaviour: `charge: ${currency}, ${decimalsOf(currency)} decimals`,
    expected: `${amount} minor units on the wire and in the outcome`,
    advice: `Amounts are in minor units of ISO 4217. Do not multiply or divide by 100: ${currency} has ${decimalsOf(currency)} decimals.`,
    async run(trial) {
      const { samples, currencies = ['JPY', 'KWD'] } = trial.suite.check
      if (!currencies.includes(currency)) throw new NotChecked(`the check file does not name ${currency}`)
      const request = trial.newCharge({ ...samples.succeeds, amount, currency })
      const outcome = requireType(await trial.charge(request), 'SUCCEEDED')
      requireMoney(outcome, request)
      requireOnWire(trial, request)
      await trial.requireOneCharge(request)
      return describe(outcome)
    },
  }
}

/** Some way to write the amount must be in the request. */
function requireOnWire(trial: Trial, request: ReturnType<Trial['newCharge']>): void {
  if (trial.suite.server === undefined) return
  const main = mainRequest(trial.proxy.received, request.gatewayKey)
  const text = main === undefined ? '' : [...partsOf(main).values()].join('\n')
  const numbers = new Set(text.match(/\d+(?:\.\d+)?/g))
  if (!amountTexts(request).some((written) => numbers.has(written)))
    throw new Mismatch(`the request does not say ${request.amount}`)
}

/** What inquiries find when the network is good. */
export const INQUIRY_ROWS: readonly Row[] = [
  {
    behaviour: 'lookup: a key that was never used',
    expected: 'NOT_FOUND',
    advice: 'Return NOT_FOUND only when the gateway answers that it knows no such charge.',
    run: async (trial) => describe(requireType(await trial.lookup(lookupOf(trial.newCharge())), 'NOT_FOUND')),
  },
  {
    behaviour: 'lookup: a charge, by its key alone',
    expected: 'FOUND, SUCCEEDED with the amount',
    advice: 'Find the charge by gatewayKey: after a timeout nothing else is known.',
    async run(trial) {
      const request = trial.newCharge()
      const charged = requireType(await trial.charge(request), 'SUCCEEDED')
      const { outcome } = requireType(await trial.lookup(lookupOf(request)), 'FOUND')
      const found = requireType(outcome, 'SUCCEEDED')
      requireMoney(found, request)
      if (found.gatewayRef !== charged.gatewayRef)
        throw new Mismatch(`found ${found.gatewayRef}, another charge`)
      return describe(found)
    },
  },
  {
    behaviour: 'abandon: a question that the customer did not answer',
    expected: 'FOUND, DECLINED',
    advice: 'Cancel what is unfinished at the gateway, then read and return what is true.',
    async run(trial) {
      const sample = requireSample(trial.suite.check.samples.asksCustomer, 'asksCustomer')
      const request = trial.newCharge({ ...sample, customerPresent: true, returnUrl: RETURN_URL })
      const { gatewayRef } = requireType(await trial.charge(request), 'REQUIRES_ACTION')
      const { outcome } = requireType(await trial.abandon(lookupOf(request, { gatewayRef })), 'FOUND')
      return describe(requireType(outcome, 'DECLINED'))
    },
  },
  {
    behaviour: 'abandon: a charge that succeeded',
    expected: 'FOUND, SUCCEEDED',
    advice: 'Read the charge after the cancellation: only the gateway knows which was faster.',
    async run(trial) {
      const request = trial.newCharge()
      const { gatewayRef } = requireType(await trial.charge(request), 'SUCCEEDED')
      const { outcome } = requireType(await trial.abandon(lookupOf(request, { gatewayRef })), 'FOUND')
      return describe(requireType(outcome, 'SUCCEEDED'))
    },
  },
]
