import type { IncomingMessage } from 'node:http'

/**
 * Counts the lines of a header. Its value does not tell: several lines reach us joined, so that a second, empty one leaves
 * only a comma, which may as well end the first.
 *
 * @param name in lower case
 */
export function countHeaderLines({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, name: string): number {
  let count = 0
  // Names and values take turns.
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index]
    if (candidate?.length === name.length && candidate.toLowerCase() === name) count += 1
  }
  return count
}
