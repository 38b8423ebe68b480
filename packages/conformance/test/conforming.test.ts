import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { checkGateway, UnusableAdapter } from '../src/index.ts'
import adyenCheck from './support/adyen.check.ts'
import { ACME, behavioursOf, checkAtAcme } from './support/acme.ts'
import { check as simulatedCheck } from './support/simulated.ts'
import stripeCheck from './support/stripe.check.ts'

const support = (file: string): string => new URL(`support/${file}`, import.meta.url).href

/** A busy machine is no fault of an adapter. */
const PATIENT_MS = 10_000

test('the example adapter passes every behaviour, and leaves none out', async () => {
  const report = await checkAtAcme(pathToFileURL(ACME).href, { graceMs: PATIENT_MS })
  expect(behavioursOf(report, 'failed')).toEqual([])
  expect(behavioursOf(report, 'not checked')).toEqual([])
  expect(report).toMatchObject({ gateway: 'acme', isConforming: true })
  expect(report.behaviours.length).toBeGreaterThan(100)
})

test('the stripe gateway passes against the simulator', async () => {
  const report = await checkGateway({ module: support('stripe.ts'), check: stripeCheck, graceMs: PATIENT_MS })
  expect(report.behaviours.filter(({ verdict }) => verdict === 'failed')).toEqual([])
  expect(behavioursOf(report, 'passed').length).toBeGreaterThan(100)
})

test('the adyen gateway passes against the simulator', async () => {
  const report = await checkGateway({ module: support('adyen.ts'), check: adyenCheck, graceMs: PATIENT_MS })
  expect(report.behaviours.filter(({ verdict }) => verdict === 'failed')).toEqual([])
  expect(behavioursOf(report, 'passed').length).toBeGreaterThan(70)
})

test('the simulated gateway passes what needs no network', async () => {
  const report = await checkGateway({ module: support('simulated.ts'), check: simulatedCheck })
  expect(report.behaviours.filter(({ verdict }) => verdict === 'failed')).toEqual([])
  expect(behavioursOf(report, 'passed')).toContain('refund: in two parts')
  expect(behavioursOf(report, 'not checked')).toContain('charge: connection refused')
})

test.each([
  ['a module that does not load', 'missing.ts', /does not load/],
  ['a module without a factory', 'acme.ts', /must export a function as default/],
])('%s is refused with its reason', async (_, file, reason) => {
  const refused = checkGateway({ module: support(file), check: simulatedCheck })
  await expect(refused).rejects.toThrow(UnusableAdapter)
  await expect(refused).rejects.toThrow(reason)
})
