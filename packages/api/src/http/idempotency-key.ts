import { containsCardNumber } from '@titan/payments'
import type { Context } from 'hono'
import { countHeaderLines } from './header-lines.ts'
import type { AppEnv } from './env.ts'
import { Problem } from '../problem.ts'

/** 1 to 255 visible ASCII characters. The format is published: see the problem "idempotency-key-invalid". */
export const KEY_FORMAT: RegExp = /^[\x21-\x7e]{1,255}$/

/** A structured-field string: quoted, with `\"` and `\\` as its only escapes (RFC 9651). */
const QUOTED = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/

/** Two header lines reach us joined; neither form of a valid key contains a comma followed by a space. */
const JOINED = /,\s/

/** Reads the `Idempotency-Key` header of a request. @throws Problem `idempotency-key-repeated` when there are two */
export function keyHeaderOf(context: Context<AppEnv>): string | undefined {
  const header = context.req.header('idempotency-key')
  const incoming = context.env?.incoming
  if (header !== undefined && incoming !== undefined && countHeaderLines(incoming, 'idempotency-key') > 1)
    throw new Problem('idempotency-key-repeated')
  return header
}

/**
 * Decides on the key of a request from the body member and the header, which may both be given if they are equal.
 *
 * @throws Problem `idempotency-key-missing`, `-invalid`, `-repeated` or `-conflict`; `card-data-not-allowed` for the header.
 */
export function resolveKey(bodyKey: string | undefined, header: string | undefined): string {
  const headerKey = header === undefined ? undefined : readHeaderKey(header)
  const key = bodyKey ?? headerKey
  if (key === undefined) throw new Problem('idempotency-key-missing')
  if (headerKey !== undefined && headerKey !== key) throw new Problem('idempotency-key-conflict')
  if (!KEY_FORMAT.test(key)) throw new Problem('idempotency-key-invalid')
  return key
}

/** Reads the header value, quoted as the standard wants it or bare as most clients send it. */
function readHeaderKey(header: string): string {
  if (containsCardNumber(header)) throw new Problem('card-data-not-allowed')
  const quoted = QUOTED.exec(header)?.[1]
  if (quoted === undefined && JOINED.test(header)) throw new Problem('idempotency-key-repeated')
  const key = quoted?.replaceAll(/\\(["\\])/g, '$1') ?? header
  const isBroken = quoted === undefined && header.startsWith('"')
  if (isBroken || !KEY_FORMAT.test(key)) throw new Problem('idempotency-key-invalid')
  return key
}
