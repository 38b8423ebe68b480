/** Currencies that Stripe presents to cards. */
const CURRENCIES: ReadonlySet<string> = new Set(
  (
    'usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf ' +
    'chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf ' +
    'idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop ' +
    'mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd ' +
    'scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg ' +
    'xof xpf yer zar zmw'
  ).split(' '),
)

/** Smallest charge of each currency that Stripe settles, in its units. */
const MINIMUM: Readonly<Record<string, number>> = {
  usd: 50,
  aed: 200,
  aud: 50,
  bgn: 100,
  brl: 50,
  cad: 50,
  chf: 50,
  czk: 1500,
  dkk: 250,
  eur: 50,
  gbp: 30,
  hkd: 400,
  huf: 17_500,
  inr: 50,
  jpy: 50,
  mxn: 1000,
  myr: 200,
  nok: 300,
  nzd: 50,
  pln: 200,
  ron: 200,
  sek: 300,
  sgd: 50,
  thb: 1000,
}

const ZERO_DECIMAL: ReadonlySet<string> = new Set(
  'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '),
)
const THREE_DECIMAL: ReadonlySet<string> = new Set(['bhd', 'jod', 'kwd', 'omr', 'tnd'])
/** Two decimals that must be 00. */
const WHOLE_ONLY: ReadonlySet<string> = new Set(['isk', 'ugx'])

/** Eight digits. */
const MAX_AMOUNT = 99_999_999

/** Whether Stripe takes the currency, in small letters. */
export function isCurrency(currency: string): boolean {
  return CURRENCIES.has(currency)
}

/** Says in Stripe's words why an amount cannot be charged; undefined when it can. */
export function refusalOfAmount(
  amount: number,
  currency: string,
): { readonly code: string; readonly message: string } | undefined {
  if (amount > MAX_AMOUNT)
    return {
      code: 'amount_too_large',
      message: `Amount must be no more than ${written(MAX_AMOUNT, currency)}`,
    }
  const minimum = MINIMUM[currency] ?? 1
  if (amount < minimum) {
    const message = `Amount must be at least ${written(minimum, currency)} ${currency}`
    return { code: 'amount_too_small', message }
  }
  const step = stepOf(currency)
  if (amount % step === 0) return undefined
  return { code: 'parameter_invalid_integer', message: `Amount must be divisible by ${step} in ${currency}` }
}

/** Writes an amount as Stripe does in its messages. */
export function written(amount: number, currency: string): string {
  const digits = decimalsOf(currency)
  const format = new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
  return format.format(amount / 10 ** digits)
}

function stepOf(currency: string): number {
  if (THREE_DECIMAL.has(currency)) return 10
  return WHOLE_ONLY.has(currency) ? 100 : 1
}

function decimalsOf(currency: string): number {
  if (THREE_DECIMAL.has(currency)) return 3
  return ZERO_DECIMAL.has(currency) ? 0 : 2
}
