import { expect, test, vi } from 'vitest'
import { createSimulatedGateway, limitGateway } from '../../src/index.ts'
import { listAll } from '../support/records.ts'
import { attemptOf, charge } from '../support/simulator.ts'

const { signal } = new AbortController()

test('lists every charge of a span once, over many pages', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  for (let index = 0; index < 250; index++) await charge(gateway, attemptOf(`p${index}`))
  const records = await listAll(gateway)
  expect(new Set(records.map(({ gatewayRef }) => gatewayRef)).size).toBe(250)
  expect(records).toHaveLength(250)
  expect(records[0]).toMatchObject({ kind: 'charge', status: 'succeeded', gatewayKey: expect.any(String) })
  const [at] = records.map((record) => record.at)
  expect(await listAll(gateway, { since: new Date(0), until: at ?? new Date() })).toEqual([])
})

test('the list waits for the limits, and leaves a gateway alone whose circuit is open', async () => {
  const inner = createSimulatedGateway({ delayMs: 0, script: () => 'transient' })
  const limits = { maxConcurrent: 1, breaker: { windowCalls: 4, minCalls: 2, openMs: 60_000 } }
  const gateway = limitGateway(inner, limits)
  const admission = await gateway.admit({ signal })
  const listed = vi.fn()
  const listing = listAll(gateway).then(listed)
  await admission.gateway.charge(attemptOf('one'), { signal })
  expect(listed).not.toHaveBeenCalled()
  admission.release()
  await listing
  expect(listed).toHaveBeenCalled()
  await charge(gateway, attemptOf('two'))
  expect(gateway.circuit).toBe('open')
  await expect(listAll(gateway)).rejects.toMatchObject({ code: 'GATEWAY_AWAY' })
})
