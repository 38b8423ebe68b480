/**
 * Where Stripe's unit is not the minor unit of ISO 4217: how many of Stripe's units one of ours is. ISK and UGX have no
 * minor unit, but Stripe wants two decimals that are always 00; MGA has one, and Stripe wants none.
 */
const UNITS: Readonly<Record<string, number>> = { ISK: 100, UGX: 100, MGA: 1 / 100 }

/** Three decimals, of which the last must be 0. */
const THREE_DECIMALS: ReadonlySet<string> = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND'])

/** Converts an amount from ISO minor units to Stripe's; undefined when Stripe cannot express it. */
export function toStripeAmount(amount: number, currency: string): number | undefined {
  const converted = scale(amount, UNITS[currency] ?? 1)
  if (converted === undefined) return undefined
  return THREE_DECIMALS.has(currency) && converted % 10 !== 0 ? undefined : converted
}

/** Converts an amount from Stripe's units to ISO minor units; returns an inconvertible one as it is, so that it matches no request. */
export function fromStripeAmount(amount: number, currency: string): number {
  return scale(amount, 1 / (UNITS[currency] ?? 1)) ?? amount
}

function scale(amount: number, factor: number): number | undefined {
  const scaled = factor >= 1 ? amount * Math.round(factor) : amount / Math.round(1 / factor)
  return Number.isSafeInteger(scaled) ? scaled : undefined
}
