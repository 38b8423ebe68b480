import { createRequire } from 'node:module'
import type Stripe from 'stripe'

/** Loads the SDK on demand, because it takes half a second. */
export function loadSdk(): typeof Stripe {
  return createRequire(import.meta.url)('stripe') as typeof Stripe
}
