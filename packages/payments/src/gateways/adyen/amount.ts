/** Where Adyen's unit is not the minor unit of ISO 4217: how many of Adyen's units one of ours is. */
const UNITS: Readonly<Record<string, number>> = { CLP: 100, ISK: 100, CVE: 1 / 100, IDR: 1 / 100 }

/** Converts an amount from ISO minor units to Adyen's; undefined when Adyen cannot express it. */
export function toAdyenAmount(amount: number, currency: string): number | undefined {
  return scale(amount, UNITS[currency] ?? 1)
}

/** Converts an amount from Adyen's units to ISO minor units; returns an inconvertible one as it is, so that it matches no request. */
export function fromAdyenAmount(amount: number, currency: string): number {
  return scale(amount, 1 / (UNITS[currency] ?? 1)) ?? amount
}

function scale(amount: number, factor: number): number | undefined {
  const scaled = factor >= 1 ? amount * Math.round(factor) : amount / Math.round(1 / factor)
  return Number.isSafeInteger(scaled) ? scaled : undefined
}
