/**
 * How sure the guard must be: `likely` refuses a request, so it leaves references of other kinds alone; `possible` masks a
 * text for logs and records, where a masked reference does no harm.
 */
export type CardCertainty = 'likely' | 'possible'

/** Issuers whose numbers are in use, with the numbers of digits in which they are issued. */
const ISSUERS = [
  { prefix: /^4/, lengths: [16] }, // Visa
  { prefix: /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] }, // Mastercard
  { prefix: /^3[47]/, lengths: [15] }, // American Express
  { prefix: /^(6011|64[4-9]|65)/, lengths: [16] }, // Discover
  { prefix: /^3(0[0-5]|6|8|9)/, lengths: [14] }, // Diners Club
  { prefix: /^35(2[89]|[3-8])/, lengths: [16] }, // JCB
  { prefix: /^62/, lengths: [16, 17, 18, 19] }, // UnionPay
]

/** Rare and retired numbers. Unbroken, they look like article numbers and references with a check digit. */
const RARE_ISSUERS = [
  { prefix: /^4/, lengths: [13, 19] }, // Visa
  { prefix: /^(6011|64[4-9]|65)/, lengths: [17, 18, 19] }, // Discover
  { prefix: /^3(0[0-5]|6|8|9)/, lengths: [15, 16, 17, 18, 19] }, // Diners Club
  { prefix: /^35(2[89]|[3-8])/, lengths: [17, 18, 19] }, // JCB
  { prefix: /^(50|5[6-8]|6304|67)/, lengths: [13, 14, 15, 16, 17, 18, 19] }, // Maestro
]

const ALL_ISSUERS = [...ISSUERS, ...RARE_ISSUERS]

/** A run of digits as printed on a card: unbroken, or in the card's own groups with one and the same separator between. */
const DIGIT_RUN =
  /(?<!\d)(?:\d{13,19}|\d{4}([^\p{L}\p{N}])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([^\p{L}\p{N}])\d{6}\2\d{4,5})(?!\d)/gu

/** Random hexadecimal ids contain long digit runs by chance; from this length on a run inside of one is no card. */
const HEX_ID_LENGTH = 24

/**
 * Whether a text contains what looks like a payment card number: digits of a known issuer and length that pass the Luhn
 * check. Digits in a card's groups (4-4-4-4, 4-6-5) with any separator count, whatever the issuer; an unbroken run counts
 * as `likely` only in the lengths that are in use. Keeps card data out of the database, the queue and the logs.
 */
export function containsCardNumber(text: string, certainty: CardCertainty = 'likely'): boolean {
  for (const match of text.matchAll(DIGIT_RUN)) if (isCardNumber(match, text, certainty)) return true
  return false
}

/** The text with `[card number]` where it contains what possibly is one: for what others say, which is kept all the same. */
export function maskCardNumbers(text: string): string {
  let masked = ''
  let end = 0
  for (const match of text.matchAll(DIGIT_RUN))
    if (isCardNumber(match, text, 'possible')) {
      masked += `${text.slice(end, match.index)}[card number]`
      end = match.index + match[0].length
    }
  return masked + text.slice(end)
}

function isCardNumber({ 0: run, index }: RegExpExecArray, text: string, certainty: CardCertainty): boolean {
  const digits = run.replaceAll(/\D/gu, '')
  const isGrouped = digits.length < run.length
  const issuers = isGrouped || certainty === 'possible' ? ALL_ISSUERS : ISSUERS
  const isIssued = issuers.some(
    ({ prefix, lengths }) => lengths.includes(digits.length) && prefix.test(digits),
  )
  return isIssued && passesLuhn(digits) && !isInsideHexId(text, index, run.length)
}

/** Looks only as far as it must, so that a long text costs no more than a short one. */
function isInsideHexId(text: string, start: number, length: number): boolean {
  const before = /[0-9a-f]*$/i.exec(text.slice(Math.max(0, start - HEX_ID_LENGTH), start))?.[0] ?? ''
  const after = /^[0-9a-f]*/i.exec(text.slice(start + length, start + length + HEX_ID_LENGTH))?.[0] ?? ''
  return before.length + length + after.length >= HEX_ID_LENGTH
}

function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits.at(-1 - i))
    const weighted = i % 2 === 0 ? digit : digit * 2
    sum += weighted > 9 ? weighted - 9 : weighted
  }
  return sum % 10 === 0
}
