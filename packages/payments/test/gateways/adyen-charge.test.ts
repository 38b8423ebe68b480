import { createServer, type AddressInfo } from 'node:net'
import { readLedger } from '@titan/gateway-simulator'
import { expect, onTestFinished, test } from 'vitest'
import type { ChargeOutcome } from '../../src/index.ts'
import { adyenAt, adyenAttempt } from '../support/adyen.ts'
import { charge, startSimulator } from '../support/simulator.ts'

interface Case {
  /** What the gateway does with the first request. */
  readonly behaviour: string
  readonly first: Partial<ChargeOutcome>
  /** What the same request comes to when it is repeated. */
  readonly replay: Partial<ChargeOutcome>
  readonly charges: number
}

const succeeded = { type: 'SUCCEEDED', amount: 500, currency: 'EUR' } as const
const unknown = { type: 'UNKNOWN' } as const
const soft = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' } as const
const hard = { type: 'DECLINED', code: 'restricted_card', kind: 'hard' } as const
const invalid = { type: 'REJECTED', code: 'adyen_130', fault: 'payment', isReplay: false } as const

const CASES: readonly Case[] = [
  { behaviour: 'ok', first: succeeded, replay: succeeded, charges: 1 },
  { behaviour: 'decline:soft', first: soft, replay: soft, charges: 0 },
  { behaviour: 'decline:hard', first: hard, replay: hard, charges: 0 },
  { behaviour: '500_before', first: unknown, replay: unknown, charges: 0 },
  { behaviour: '500_after', first: unknown, replay: unknown, charges: 1 },
  { behaviour: 'invalid:amount', first: invalid, replay: invalid, charges: 0 },
  { behaviour: '404', first: { type: 'REJECTED', fault: 'config' }, replay: succeeded, charges: 1 },
  // Another request under the key is being processed, and may charge.
  { behaviour: '409', first: unknown, replay: succeeded, charges: 1 },
  // The store of keys is away, and says that nothing happened.
  { behaviour: '503', first: { type: 'NOT_SENT', fault: 'throttled' }, replay: succeeded, charges: 1 },
  {
    behaviour: '429',
    first: { type: 'NOT_SENT', fault: 'throttled', retryAfterMs: 1_000 },
    replay: succeeded,
    charges: 1,
  },
  { behaviour: '401', first: { type: 'NOT_SENT', fault: 'config' }, replay: succeeded, charges: 1 },
  { behaviour: '403', first: { type: 'NOT_SENT', fault: 'config' }, replay: succeeded, charges: 1 },
  { behaviour: 'hang_before', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'hang_after', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'reset_before', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'reset_after', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'garbage', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'html', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'huge', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'trickle', first: unknown, replay: succeeded, charges: 1 },
  { behaviour: 'error_200', first: unknown, replay: succeeded, charges: 1 },
  {
    behaviour: 'wrong_amount',
    first: { type: 'SUCCEEDED', amount: 501 },
    replay: { type: 'SUCCEEDED', amount: 501 },
    charges: 1,
  },
  { behaviour: 'pending_then:ok@60000', first: { type: 'PENDING' }, replay: { type: 'PENDING' }, charges: 0 },
]

test.each(CASES)(
  '$behaviour is $first.type, a repeat $replay.type',
  async ({ behaviour, first, replay, charges }) => {
    const simulator = await startSimulator()
    await simulator.order({ behaviours: [behaviour] })
    const hasNoEnd = ['hang_before', 'hang_after', 'trickle'].includes(behaviour)
    const gateway = adyenAt(simulator.url, hasNoEnd ? { timeoutMs: 300 } : {})
    expect(await charge(gateway, adyenAttempt())).toMatchObject(first)
    expect((await readLedger(simulator.ledgerPath)).requests).toHaveLength(1)
    expect(await charge(gateway, adyenAttempt())).toMatchObject(replay)
    const ledger = await readLedger(simulator.ledgerPath)
    const { gatewayKey } = adyenAttempt()
    expect(ledger.requests.map(({ key }) => key)).toEqual([gatewayKey, gatewayKey])
    expect(ledger).toMatchObject({ mismatches: 0 })
    expect(ledger.charges).toHaveLength(charges)
  },
)

test('a customer who is there is asked at an address, one who is not is declined', async () => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: ['action', 'action'] })
  const gateway = adyenAt(simulator.url)
  const there = { customerPresent: true, returnUrl: 'https://shop.example/back' }
  expect(await charge(gateway, adyenAttempt(there))).toMatchObject({
    type: 'REQUIRES_ACTION',
    nextAction: { type: 'redirect', url: expect.stringContaining('/3ds/') as string },
  })
  expect(await charge(gateway, adyenAttempt({ attemptNo: 2 }))).toMatchObject({
    type: 'DECLINED',
    code: 'authentication_required',
    kind: 'hard',
  })
})

test('a charge that only authorizes is no success', async () => {
  const simulator = await startSimulator()
  const outcome = await charge(adyenAt(simulator.url), adyenAttempt({ capture: 'manual' }))
  expect(outcome).toMatchObject({ type: 'AUTHORIZED', amount: 500, currency: 'EUR', expiresAt: null })
  expect((await readLedger(simulator.ledgerPath)).charges).toEqual([])
})

test('a refused connection was not sent, one that is reset after the request may have been', async () => {
  const refusing = createServer()
  await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
  const { port } = refusing.address() as AddressInfo
  await new Promise((resolve) => refusing.close(resolve))
  const refused = adyenAt(`http://127.0.0.1:${port}`)
  expect(await charge(refused, adyenAttempt())).toMatchObject({ type: 'NOT_SENT', fault: 'network' })

  const resetting = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()))
  await new Promise<void>((resolve) => resetting.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void resetting.close())
  const reset = adyenAt(`http://127.0.0.1:${(resetting.address() as AddressInfo).port}`)
  expect(await charge(reset, adyenAttempt())).toMatchObject({ type: 'UNKNOWN' })
})

test('a signal that aborts ends the call, before the first byte as not sent', async () => {
  const simulator = await startSimulator()
  const signal = AbortSignal.abort(new Error('stopped'))
  expect(await adyenAt(simulator.url).charge(adyenAttempt(), { signal })).toMatchObject({ type: 'NOT_SENT' })
})
