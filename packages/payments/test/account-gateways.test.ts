import { expect, onTestFinished, test } from 'vitest'
import { createSimulatedGateway, gatewaysOf } from '../src/index.ts'
import { AccountGateways } from '../src/gateways/account-gateways.ts'

const changedAt = new Date()
const sealed = {
  place: 'simulated@acme.1',
  account: 'acme',
  gateway: 'simulated',
  number: 1,
  mode: null,
  createdAt: changedAt,
  updatedAt: changedAt,
  endedAt: null,
  sealed: new Uint8Array(),
}

test('credentials that make no gateway are tried again until they make one, and reported once', async () => {
  const reports: string[] = []
  let tries = 0
  const gateways = new AccountGateways({
    gateways: gatewaysOf([createSimulatedGateway({ delayMs: 0 })]),
    credentials: { changedAfter: async (after) => (after === undefined ? [sealed] : []), open: () => ({}) },
    async create() {
      if (++tries < 4) throw new Error('the secret store is away')
      return createSimulatedGateway({ delayMs: 0 })
    },
    onError: (error) => reports.push((error as Error).message),
    onRestored: (place) => reports.push(place),
    intervalMs: 1,
  })
  await gateways.start()
  onTestFinished(() => gateways.close())
  expect(gateways.get('simulated', 'acme')).toBeUndefined()
  await expect.poll(() => gateways.get('simulated', 'acme')?.name).toBe('simulated@acme.1')
  expect(tries).toBe(4)
  expect(reports).toEqual([
    'the credentials simulated@acme.1 make no gateway: set them again',
    'simulated@acme.1',
  ])
})
