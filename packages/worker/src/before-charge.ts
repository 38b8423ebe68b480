import type { BeforeCharge } from '@titan/payments'
import { loadDefault } from '@titan/service'

/** Loads the hook that a module exports. A path is relative to `directory`, a package is found from there. @throws Failure */
export async function loadBeforeCharge(module: string, directory?: string): Promise<BeforeCharge> {
  return (await loadDefault('BEFORE_CHARGE', module, directory)) as BeforeCharge
}
