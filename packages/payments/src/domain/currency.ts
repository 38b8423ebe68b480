/**
 * Currencies whose minor unit is no hundredth (ISO 4217), with their decimals. Intl has those that people write, which are fewer
 * for HUF, IDR, COP and others: gateways charge in the units of ISO.
 */
const DECIMALS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
    3: 'BHD IQD JOD KWD LYD OMR TND',
    4: 'CLF UYW',
  }).flatMap(([decimals, codes]) => codes.split(' ').map((code) => [code, Number(decimals)] as const)),
)

/** Returns the decimals of a currency: how many digits of an amount in minor units come after the point. */
export function decimalsOf(currency: string): number {
  return DECIMALS.get(currency) ?? 2
}
