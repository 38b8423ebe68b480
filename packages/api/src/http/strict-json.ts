import { MAX_FAULTS, type FieldError } from '../problem.ts'

/** Deeper bodies are refused before anything walks them; the API's own are flat. */
const MAX_DEPTH = 16

/** Strings, numbers and structure of a text that is already known to be JSON. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\]:,]/g

/**
 * Reads JSON without the silent losses of `JSON.parse`: there the last of two equal members wins,
 * 9007199254740993 becomes …992 and 100.00000000000000001 becomes 100, none of which money can afford.
 *
 * @param maxErrors most errors that are listed
 * @returns the value; in `strings` every string and name, and each number long enough for a card number; in `errors` members
 * given twice, numbers that lose digits and nesting beyond the limit
 * @throws SyntaxError when the text is not JSON
 */
export function readJson(text: string, maxErrors = MAX_FAULTS) {
  const value: unknown = JSON.parse(text)
  const strings: string[] = []
  const errors: FieldError[] = []
  const path: Frame[] = []
  const report = (detail: string): void => {
    if (errors.length < maxErrors) errors.push({ pointer: pointerTo(path), detail })
  }
  for (const [token] of text.matchAll(TOKEN)) {
    if (token.startsWith('"')) {
      const string = token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1)
      strings.push(string)
      if (takesName(path.at(-1), string)) report('is given twice')
    } else if ('{}[],:'.includes(token)) {
      walk(path, token)
      if (path.length > MAX_DEPTH) {
        errors.push({ pointer: '', detail: `is nested deeper than ${MAX_DEPTH} levels` })
        break
      }
    } else if (SHORT_INTEGER.test(token)) {
      continue
    } else if (isExact(token)) {
      // One spelling: 4.2e15 is the digits of a card number, too.
      strings.push(String(Number(token)))
    } else {
      strings.push(token)
      report('has more digits than a number can carry exactly')
    }
  }
  return { value, strings, errors }
}

/** One open object or array on the way to the current token. */
interface Frame {
  readonly isObject: boolean
  readonly names: Set<string>
  name: string
  atName: boolean
  index: number
}

/** Follows the structure: into and out of objects and arrays, to the next member or element. */
function walk(path: Frame[], token: string): void {
  const frame = path.at(-1)
  if (token === '{' || token === '[') {
    path.push({ isObject: token === '{', names: new Set(), name: '', atName: token === '{', index: 0 })
  } else if (token === '}' || token === ']') path.pop()
  else if (frame !== undefined) {
    frame.atName = frame.isObject && token === ','
    if (token === ',') frame.index += 1
  }
}

/** Notes a string that is the name of a member; returns whether the object already has that name. */
function takesName(frame: Frame | undefined, string: string): boolean {
  if (frame?.atName !== true) return false
  frame.name = string
  const isTaken = frame.names.has(string)
  frame.names.add(string)
  return isTaken
}

/** The RFC 6901 pointer to the member or element that the walk is at. */
function pointerTo(path: readonly Frame[]): string {
  return path.map((frame) => `/${frame.isObject ? escapePointer(frame.name) : frame.index}`).join('')
}

/** One reference token of a JSON pointer. */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Every whole number this short is a double exactly, and too short for most card numbers. */
const SHORT_INTEGER = /^\d{1,15}$/

/** Whether the double that `source` becomes is written with the same digits. */
function isExact(source: string): boolean {
  const value = Number(source)
  return Number.isFinite(value) && decimalOf(source) === decimalOf(String(value))
}

/** One spelling per decimal value: 1000, 1000.0 and 1e3 all become "1e3". */
function decimalOf(source: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`
}
