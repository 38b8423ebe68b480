import { createLog } from '@titan/service'
import { eventually } from '@titan/testkit'
import type { CircuitStatus } from '@titan/payments'
import { expect, onTestFinished, test } from 'vitest'
import { Intake } from '../src/intake.ts'

const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })

/** Watches a PostgreSQL and a gateway whose states the test sets. */
function watch() {
  const rig = { isConnected: true, gateway: { circuit: 'closed' as CircuitStatus }, limits: [] as string[] }
  const ping = () => (rig.isConnected ? Promise.resolve() : Promise.reject(new Error('away')))
  const limit = (...allowed: readonly string[]) => void rig.limits.push(allowed.join())
  const intake = new Intake({ ping, gateway: rig.gateway, log, limit })
  intake.start()
  onTestFinished(() => intake.stop())
  return { rig, intake }
}

test('claims stop while PostgreSQL is away, and what waits is returned', async () => {
  const { rig, intake } = watch()
  const before = intake.signal
  rig.isConnected = false
  await eventually(() => expect(rig.limits).toEqual(['none,none']))
  expect(before.aborted).toBe(true)
  expect(intake.signal.aborted).toBe(false)
  rig.isConnected = true
  await eventually(() => expect(rig.limits).toEqual(['none,none', 'all,all']))
})

test('while the circuit is open no payment is claimed, then one; webhooks are sent as ever', async () => {
  const { rig, intake } = watch()
  const before = intake.signal
  rig.gateway.circuit = 'open'
  await eventually(() => expect(rig.limits).toEqual(['none,all']))
  expect(before.aborted).toBe(true)
  const during = intake.signal
  rig.gateway.circuit = 'probing'
  await eventually(() => expect(rig.limits).toEqual(['none,all', 'one,all']))
  expect(during.aborted).toBe(false)
  rig.gateway.circuit = 'closed'
  await eventually(() => expect(rig.limits.at(-1)).toBe('all,all'))
})

test('what waits is returned when the worker stops', async () => {
  const { rig, intake } = watch()
  const { signal } = intake
  await intake.stop()
  expect(signal.aborted).toBe(true)
  expect(rig.limits).toEqual([])
})
