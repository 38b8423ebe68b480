import { decimalsOf } from '@titan/payments'
import type { Count } from '../reads/totals.ts'

const whole = new Intl.NumberFormat('en')

/** Formats a number with separators. */
export function formatNumber(value: number): string {
  return whole.format(value)
}

/** Formats a count with a sign for its precision: `10,000+` or `≈ 1,200,000`. */
export function formatCount({ value, precision }: Count): string {
  const text = formatNumber(value)
  if (precision === 'exact') return text
  return precision === 'about' ? `≈ ${text}` : `${text}+`
}

/** Formats a rate per second, small ones with one more digit. */
export function formatRate(perSecond: number): string {
  const digits = perSecond === 0 || perSecond >= 100 ? 0 : perSecond >= 10 ? 1 : 2
  return perSecond.toFixed(digits)
}

/** Formats minor units as money, exactly for every amount. An unknown currency keeps its code. */
export function formatMoney(minor: number, currency: string): string {
  const digits = decimalsOf(currency)
  const format = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
    currencyDisplay: 'code',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
  return format
    .format(formatDecimal(minor, currency) as Intl.StringNumericLiteral)
    .replace(/^([A-Z]{3})\s*(.*)$/, '$2 $1')
}

/**
 * Parses an amount as people write it, such as `12.50`, into minor units. Undefined when it is not one of this currency: zero,
 * too many decimals, or a comma, which separates thousands in some countries and decimals in others.
 */
export function parseMoney(text: string, currency: string): number | undefined {
  const digits = decimalsOf(currency)
  const [, whole, decimals = ''] = /^(\d{1,16})(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === undefined || decimals.length > digits) return undefined
  const minor = Number(`${whole}${decimals.padEnd(digits, '0')}`)
  return Number.isSafeInteger(minor) && minor > 0 ? minor : undefined
}

/** Formats minor units as {@link parseMoney} reads them: `12.50`. */
export function formatDecimal(minor: number, currency: string): string {
  const digits = decimalsOf(currency)
  const text = String(minor).padStart(digits + 1, '0')
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** Formats a duration in its two largest units: `2 min 5 s`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`
  const first = UNITS.findIndex(([, unit]) => ms >= unit)
  let rest = ms
  const parts = UNITS.slice(first, first + 2).map(([name, unit]) => {
    const count = Math.floor(rest / unit)
    rest -= count * unit
    return count === 0 ? '' : `${count} ${name}`
  })
  return parts.filter((part) => part !== '').join(' ')
}

/** Formats a time in UTC, to the second. */
export function formatTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ')
}

/** Formats how long ago a time was. */
export function formatAge(time: Date, now: number = Date.now()): string {
  const ms = now - time.getTime()
  return ms < 1_000 ? 'just now' : `${formatDuration(Math.floor(ms / 1_000) * 1_000)} ago`
}

/** Shortens an id, keeping its random end, which distinguishes it from its neighbours. */
export function shortenId(id: string): string {
  return id.length <= 20 ? id : `${id.slice(0, 8)}…${id.slice(-8)}`
}
