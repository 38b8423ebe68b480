import { createHash } from 'node:crypto'
import { Problem } from '../problem.ts'

/**
 * A cursor for the page after `id`. Opaque, and valid only for the filter it was made for: continuing one list
 * with the cursor of another would skip payments without a word.
 */
export function encodeCursor(id: string, filter: object): string {
  return Buffer.from(`${id}.${checksum(id, filter)}`).toString('base64url')
}

/** Returns the id in a cursor. @throws Problem `invalid-cursor` when it was changed, or made for another filter */
export function decodeCursor(cursor: string, filter: object): string {
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  const [, id, sum] = /^((?:pay|ref)_\w{1,64})\.([\w-]{11})$/.exec(text) ?? []
  if (id === undefined || sum !== checksum(id, filter)) throw new Problem('invalid-cursor')
  return id
}

function checksum(id: string, filter: object): string {
  const canonical = JSON.stringify([id, filter])
  return createHash('sha256').update(canonical).digest('base64url').slice(0, 11)
}
