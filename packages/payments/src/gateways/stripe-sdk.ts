import { createRequire } from 'node:module'
import type Stripe from 'stripe'

/** Half a second to load, so only those pay for it who work with Stripe. */
export function loadSdk(): typeof Stripe {
  return createRequire(import.meta.url)('stripe') as typeof Stripe
}
