import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Returns the variables by which the simulated gateway keeps its ledger in the state folder, and `titan verify` finds it.
 * None where the ledger would not know every payment: with a database that is the user's own, one from before there was a
 * ledger, or another gateway.
 */
export function ledgerVariables(
  stateFolder: string,
  env: NodeJS.ProcessEnv,
): { readonly GATEWAY_LEDGER?: string } {
  const { DATABASE_URL, GATEWAY, GATEWAYS, GATEWAY_LEDGER } = env
  if (GATEWAY_LEDGER) return { GATEWAY_LEDGER }
  const gateways = (GATEWAYS || GATEWAY || 'simulated').split(',').map((word) => word.trim())
  if (DATABASE_URL || !gateways.includes('simulated')) return {}
  const path = join(stateFolder, 'gateway-ledger.jsonl')
  if (!existsSync(join(stateFolder, 'postgres'))) {
    // Of payments that are gone.
    rmSync(path, { force: true })
    writeFileSync(path, '', { mode: 0o600 })
  }
  return existsSync(path) ? { GATEWAY_LEDGER: path } : {}
}
