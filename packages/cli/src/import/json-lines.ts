import { readJsonLine, type Line } from '@titan/api/lines'

/** A longer line holds no payment. */
const MAX_LINE = 64 * 1024

/** A line of JSON and the payment in it; undefined for one that is too long to be read. */
export interface JsonLine {
  readonly line: number
  readonly read: Line | undefined
}

/** Reads payments in lines of JSON, each of which the API would take as a body, once the members of an export are left out. */
export async function* readJsonLines(
  texts: AsyncIterable<string>,
  defaults: object,
  left: readonly string[],
): AsyncGenerator<JsonLine, void, undefined> {
  let line = 0
  for await (const text of splitLines(texts)) {
    line++
    if (text === undefined) yield { line, read: undefined }
    else if (text.trim() !== '') yield { line, read: readJsonLine(text, { defaults, left }) }
  }
}

/** Splits text into lines; undefined for one that is too long, which is not held. */
async function* splitLines(
  texts: AsyncIterable<string>,
): AsyncGenerator<string | undefined, void, undefined> {
  let held = ''
  let isTooLong = false
  for await (const text of texts) {
    const parts = (held + text).split('\n')
    held = parts.pop() ?? ''
    for (const part of parts) {
      yield isTooLong || part.length > MAX_LINE ? undefined : part
      isTooLong = false
    }
    if (held.length > MAX_LINE) {
      isTooLong = true
      held = ''
    }
  }
  yield isTooLong ? undefined : held
}
