import { createLog } from '@titan/service'
import { eventually } from '@titan/testkit'
import { createSimulatedGateway, gatewaysOf, type CircuitStatus } from '@titan/payments'
import { expect, onTestFinished, test } from 'vitest'
import { Intake } from '../src/intake.ts'

const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })

/** Watches a PostgreSQL and a gateway whose states the test sets. */
function watch({ hasAccounts = false } = {}) {
  const one = createSimulatedGateway()
  const gateway = { circuit: 'closed' as CircuitStatus }
  const rig = { isConnected: true, gateway, limits: [] as string[] }
  const gateways = gatewaysOf([
    {
      ...one,
      get circuit() {
        return gateway.circuit
      },
    },
  ])
  const ping = () => (rig.isConnected ? Promise.resolve() : Promise.reject(new Error('away')))
  const limit = (...allowed: readonly string[]) => void rig.limits.push(allowed.join())
  const intake = new Intake({ ping, gateways: { ...gateways, hasAccounts }, log, limit })
  intake.start()
  onTestFinished(() => intake.stop())
  return { rig, intake }
}

test('claims stop while PostgreSQL is away, and what waits is returned', async () => {
  const { rig, intake } = watch()
  const before = intake.signalOf('simulated')
  rig.isConnected = false
  await eventually(() => expect(rig.limits).toEqual(['none,none']))
  expect(before.aborted).toBe(true)
  expect(intake.signalOf('simulated').aborted).toBe(false)
  rig.isConnected = true
  await eventually(() => expect(rig.limits).toEqual(['none,none', 'all,all']))
})

test('while the circuit is open no payment is claimed, then one; webhooks are sent as ever', async () => {
  const { rig, intake } = watch()
  const before = intake.signalOf('simulated')
  rig.gateway.circuit = 'open'
  await eventually(() => expect(rig.limits).toEqual(['none,all']))
  expect(before.aborted).toBe(true)
  const during = intake.signalOf('simulated')
  rig.gateway.circuit = 'probing'
  await eventually(() => expect(rig.limits).toEqual(['none,all', 'one,all']))
  expect(during.aborted).toBe(false)
  rig.gateway.circuit = 'closed'
  await eventually(() => expect(rig.limits.at(-1)).toBe('all,all'))
})

test('jobs of an account wait for its place as others do for the gateway', async () => {
  const { rig, intake } = watch()
  const before = intake.signalOf('simulated@acme.1')
  expect(before.aborted).toBe(false)
  rig.isConnected = false
  await eventually(() => expect(rig.limits).toEqual(['none,none']))
  expect(before.aborted).toBe(true)
  expect(intake.signalOf('simulated@acme.1').aborted).toBe(false)
  await intake.stop()
  expect(intake.signalOf('simulated@acme.1').aborted).toBe(true)
})

test('while accounts have their own gateways, the breaker of the program does not stop them', async () => {
  const { rig } = watch({ hasAccounts: true })
  rig.gateway.circuit = 'open'
  rig.isConnected = false
  await eventually(() => expect(rig.limits).toEqual(['none,none']))
  rig.isConnected = true
  await eventually(() => expect(rig.limits).toEqual(['none,none', 'all,all']))
})

test('what waits is returned when the worker stops', async () => {
  const { rig, intake } = watch()
  const signal = intake.signalOf('simulated')
  await intake.stop()
  expect(signal.aborted).toBe(true)
  expect(rig.limits).toEqual([])
})
