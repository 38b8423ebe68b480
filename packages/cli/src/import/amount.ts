import { containsCardNumber, decimalsOf } from '@titan/payments'

/**
 * How a file writes amounts: `minor` in whole minor units, as the API does; else in the currency itself, with a decimal
 * `comma`, a decimal `point`, or either (`decimal`), where an amount that can be read in two ways is refused.
 */
export const AMOUNT_FORMS = ['minor', 'decimal', 'comma', 'point'] as const
export type AmountForm = (typeof AMOUNT_FORMS)[number]

/** An amount in minor units, or why it is none; `isOtherForm`: it shows that the file writes amounts in another form. */
export type Amount =
  | { readonly minor: number }
  | { readonly fault: string; readonly isOtherForm?: boolean | undefined }

/** The digits before and after the decimal mark. */
interface Reading {
  readonly whole: string
  readonly fraction: string
}

const MARKS = { minor: [',', '.'], decimal: [',', '.'], comma: [','], point: ['.'] } as const
/** What separates thousands; Excel writes narrow and other spaces that do not break. */
const GROUP_MARKS = [',', String.raw`\.`, String.raw`[ \u00A0\u202F\u2009]`, "['’]"]
const WITHOUT_GROUPS = /^\d+$/

/** Reads an amount exactly, digit by digit; one that leaves a doubt is refused. */
export function readAmount(text: string, form: AmountForm, currency: string): Amount {
  const readings = readingsOf(text.trim(), form)
  const [reading] = readings
  if (reading === undefined) return { fault: `the amount ${quote(text)} is no number` }
  if (readings.length > 1) {
    const hint = form === 'minor' ? 'write it without separators' : 'choose --amounts comma or point'
    return { fault: `the amount ${quote(text)} can be read in two ways: ${hint}` }
  }
  return form === 'minor' ? readMinor(text, reading) : readDecimal(text, reading, currency)
}

function readMinor(text: string, { whole, fraction }: Reading): Amount {
  return fraction === ''
    ? toAmount(text, whole)
    : {
        fault: `the amount ${quote(text)} is no whole number of minor units: choose --amounts decimal for a file of amounts such as 12.50`,
        isOtherForm: true,
      }
}

function readDecimal(text: string, { whole, fraction }: Reading, currency: string): Amount {
  const decimals = decimalsOf(currency)
  return fraction.length > decimals
    ? { fault: `the amount ${quote(text)} has more decimals than ${currency}, which has ${decimals}` }
    : toAmount(text, whole + fraction.padEnd(decimals, '0'))
}

function toAmount(text: string, digits: string): Amount {
  const minor = Number(digits)
  if (Number.isSafeInteger(minor) && minor >= 1) return { minor }
  return { fault: `the amount ${quote(text)} is not from 1 to ${Number.MAX_SAFE_INTEGER} minor units` }
}

/** Lists what an amount can mean: each decimal mark with each separator of thousands. */
function readingsOf(text: string, form: AmountForm): Reading[] {
  const readings = MARKS[form].flatMap((mark) => {
    const at = text.lastIndexOf(mark)
    const fraction = at === -1 ? '' : text.slice(at + 1)
    const whole = digitsOf(at === -1 ? text : text.slice(0, at), mark)
    const isNumber = whole !== undefined && (at === -1 || WITHOUT_GROUPS.test(fraction))
    return isNumber ? [{ whole, fraction }] : []
  })
  return readings.filter(
    ({ whole, fraction }, index) =>
      index === readings.findIndex((other) => other.whole === whole && other.fraction === fraction),
  )
}

/** Returns the digits of a whole number, in groups of three or without any. */
function digitsOf(whole: string, mark: string): string | undefined {
  if (WITHOUT_GROUPS.test(whole)) return whole
  if (whole.includes(mark)) return undefined
  const isGrouped = GROUP_MARKS.some((group) => new RegExp(`^[1-9]\\d{0,2}(?:${group}\\d{3})+$`).test(whole))
  return isGrouped ? whole.replaceAll(/\D/g, '') : undefined
}

/** A cell in a message: its beginning, on one line, and never a card number. */
export function quote(text: string): string {
  if (containsCardNumber(text, 'possible')) return '[card number]'
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}
