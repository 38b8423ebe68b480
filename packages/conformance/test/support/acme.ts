import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  checkGateway,
  type CheckOptions,
  type ConformanceReport,
  type GatewayCheck,
} from '../../src/index.ts'

const FOLDER = new URL('../../../../examples/acme/', import.meta.url)

export const ACME = fileURLToPath(new URL('acme.js', FOLDER))

export const acmeSource = readFileSync(ACME, 'utf8')

const { default: check } = (await import(new URL('acme.check.js', FOLDER).href)) as { default: GatewayCheck }

/** Checks a module against the server of the example. */
export function checkAtAcme(module: string, options: Partial<CheckOptions> = {}): Promise<ConformanceReport> {
  return checkGateway({ module, check, ...options })
}

/** The behaviours of a verdict. */
export function behavioursOf({ behaviours }: ConformanceReport, verdict: string): readonly string[] {
  return behaviours.flatMap((row) => (row.verdict === verdict ? [row.behaviour] : []))
}
