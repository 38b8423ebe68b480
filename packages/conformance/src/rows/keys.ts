import { gatewayKeyOf } from '@titan/payments'
import type { ChargeRequest } from '../gateway.ts'
import { Mismatch, requireType } from '../outcome.ts'
import type { Row } from '../row.ts'
import { ONE_KEY, requireMoney, type Trial } from '../trial.ts'
import { differences, keyPlaces, mainRequest, type ReceivedRequest } from '../wire/received.ts'

/** The parts that the suite looks for the key in before it knows better. */
const NO_KEY = `Nothing in the request depends on gatewayKey. ${ONE_KEY} Most gateways take it as the header Idempotency-Key.`

/**
 * Charges twice under one key and once under another, which differs in nothing else, and finds the parts of the request
 * that hold the key.
 */
export async function findKeyPlaces(trial: Trial): Promise<readonly string[]> {
  const request = trial.newCharge()
  const other = { ...request, gatewayKey: gatewayKeyOf(request.paymentId, 2) }
  const first = await sent(trial, request)
  const repeat = await sent(trial, request)
  return keyPlaces(first, repeat, await sent(trial, other))
}

async function sent(trial: Trial, request: ChargeRequest): Promise<ReceivedRequest> {
  const before = trial.proxy.received.length
  await trial.charge(request)
  const main = mainRequest(trial.proxy.received.slice(before), request.gatewayKey)
  if (main === undefined)
    throw new Mismatch('charge sends nothing through the proxy', 'Use the address of environment(url).')
  return main
}

/** What is sent under a key, and what becomes of repeats. */
export const KEY_ROWS: readonly Row[] = [
  {
    behaviour: 'key: on the wire',
    expected: 'a part of the request that changes with the key alone',
    advice: NO_KEY,
    async run(trial) {
      const places = await findKeyPlaces(trial)
      if (places.length === 0) throw new Mismatch('no part of the request holds the key')
      return places.join(', ')
    },
  },
  {
    behaviour: 'key: a repeat',
    expected: 'the same key and body',
    advice: ONE_KEY,
    async run(trial) {
      const request = trial.newCharge()
      const changed = differences(await sent(trial, request), await sent(trial, request))
      if (changed.length > 0) throw new Mismatch(`a repeat differs in ${changed.join(', ')}`)
      return 'identical requests'
    },
  },
  {
    behaviour: 'key: a charge, repeated',
    expected: 'the same charge',
    advice: ONE_KEY,
    async run(trial) {
      const request = trial.newCharge()
      const first = requireType(await trial.charge(request), 'SUCCEEDED')
      const repeat = await trial.requireOneCharge(request)
      if (first.gatewayRef !== repeat.gatewayRef)
        throw new Mismatch(`charged as ${first.gatewayRef}, then as ${repeat.gatewayRef}`)
      return 'one charge'
    },
  },
  {
    behaviour: 'key: the next attempt of a payment',
    expected: 'another charge',
    advice: 'Use gatewayKey, which names the attempt, not paymentId alone.',
    async run(trial) {
      const request = trial.newCharge()
      const attempt = { ...request, attemptNo: 2, gatewayKey: gatewayKeyOf(request.paymentId, 2) }
      const first = requireType(await trial.charge(request), 'SUCCEEDED')
      const second = requireType(await trial.charge(attempt), 'SUCCEEDED')
      if (first.gatewayRef === second.gatewayRef) throw new Mismatch('the first charge, again')
      return 'another charge'
    },
  },
  {
    behaviour: 'key: charges at the same time',
    expected: 'each with its own key, amount and charge',
    advice: 'Keep nothing of a request outside of its call.',
    async run(trial) {
      const { succeeds } = trial.suite.check.samples
      const requests = [1, 2, 3, 4, 5].map((n) =>
        trial.newCharge({ ...succeeds, amount: succeeds.amount + n }),
      )
      const outcomes = await Promise.all(requests.map((request) => trial.charge(request)))
      const refs = new Set<string>()
      for (const [index, outcome] of outcomes.entries()) {
        const charged = requireType(outcome, 'SUCCEEDED')
        requireMoney(charged, requests[index] ?? charged)
        refs.add(charged.gatewayRef)
      }
      if (refs.size < requests.length) throw new Mismatch(`${refs.size} charges of ${requests.length}`)
      return `${refs.size} charges`
    },
  },
]
