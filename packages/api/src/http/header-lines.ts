import type { IncomingMessage } from 'node:http'

/**
 * Counts the lines of a header; `name` is in lower case. Its value does not tell: several lines reach us joined, so that a
 * second, empty one leaves only a comma, which may as well end the first.
 */
export function countHeaderLines({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, name: string): number {
  // Names and values take turns.
  const isName = (text: string, index: number): boolean =>
    index % 2 === 0 && text.length === name.length && text.toLowerCase() === name
  return rawHeaders.filter(isName).length
}
