import { RetryError } from '@titan/queue-core'
import { expect, test } from 'vitest'
import { Admissions } from '../src/flow/admission.ts'
import type { Gateway, Gateways, PaymentsEvent } from '../src/index.ts'

/** Names a payment of an account: `acme 3`. */
function placeOf(id: string) {
  const [account = ''] = id.split(' ')
  const about = { amount: 500, currency: 'USD', kind: 'charge', isCharge: true, mayLeave: false }
  return {
    id,
    account,
    gateway: null,
    lastGateway: null,
    overdueMs: 0,
    unchangedMs: 0,
    paymentMethod: null,
    ...about,
  } as never
}

/** Admits payments of accounts with their own credentials at the only gateway of a program. */
function admitting(concurrency: number) {
  const charge: Gateway['charge'] = async () => ({ type: 'UNKNOWN', reason: 'not asked' })
  const gatewayOf = (name: string): Gateway => ({ name, keyTtlMs: 1, charge })
  const gateways: Gateways = {
    names: ['stripe'],
    hasAccounts: true,
    get: (name, account) => gatewayOf(account === undefined ? name : `${name}@${account}.1`),
    async close() {},
  }
  const deferrals: string[] = []
  const onEvent = (event: PaymentsEvent): void => {
    if (event.type === 'deferred') deferrals.push(`${event.paymentId}: ${event.reason}`)
  }
  const admissions = new Admissions({
    gateways,
    concurrency,
    findPlace: async (id) => placeOf(id),
    readRoutes: async () => [],
    attempts: async () => [],
    onEvent,
    random: () => 0,
  })
  return { deferrals, enter: (id: string) => admissions.enter(id, new AbortController().signal) }
}

test('payments under the credentials of one account leave slots to the other accounts', async () => {
  const { deferrals, enter } = admitting(4)
  const [first] = [await enter('slow 1'), await enter('slow 2'), await enter('slow 3')]
  await expect(enter('slow 4')).rejects.toBeInstanceOf(RetryError)
  expect(deferrals).toEqual(['slow 4: gateway_busy'])
  const other = await enter('acme 1')
  expect(other.gateway.name).toBe('stripe@acme.1')
  other.release()
  other.release()
  await expect(enter('slow 5')).rejects.toBeInstanceOf(RetryError)
  first.release()
  await enter('slow 6')
})

test('several slow accounts leave slots as well, and however many there are, each gets one', async () => {
  const { enter } = admitting(16)
  const held = new Map<string, number>()
  for (const account of ['slow1', 'slow2', 'slow3'])
    for (let number = 1; number <= 16; number++)
      await enter(`${account} ${number}`).then(
        () => held.set(account, (held.get(account) ?? 0) + 1),
        () => {},
      )
  expect([...held.values()]).toEqual([12, 3, 1])
  for (let number = 1; number <= 300; number++) {
    const { release } = await enter(`account${number} 1`)
    release()
  }
})
