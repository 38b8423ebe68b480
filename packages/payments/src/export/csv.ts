/** The value of one cell; null and undefined are an empty one. */
export type CsvValue = string | number | boolean | null | undefined

/** A cell that RFC 4180 wants quoted, or a reader with another separator. */
const QUOTED = /[",;\t\r\n]|^\s|\s$/

/**
 * Where a spreadsheet may see a formula: at the beginning of a cell, or after what separates cells in another locale; of East
 * Asia, also by wide signs. The quotes before it are counted, so that {@link unescapeFormulas} restores every text.
 */
const FORMULA = /(?<=^|[",;\t\r\n])('*)(?=[=+\-@＝＋－＠\t\r])/g
const ESCAPED = /(?<=^|[",;\t\r\n])('*)'(?=[=+\-@＝＋－＠\t\r])/g

/** Puts a quote before what a spreadsheet would run as a formula. */
export function escapeFormulas(text: string): string {
  return text.replaceAll(FORMULA, "$1'")
}

/** Takes off the quotes that {@link formatCsvLine} has put before formulas. */
export function unescapeFormulas(text: string): string {
  return text.replaceAll(ESCAPED, '$1')
}

/** Formats one line of CSV (RFC 4180), with formulas escaped. */
export function formatCsvLine(values: readonly CsvValue[]): string {
  return `${values.map(formatCell).join(',')}\r\n`
}

function formatCell(value: CsvValue): string {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'string') return String(value)
  const text = escapeFormulas(value)
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
