import { isError, isInstance, propertyOf, textOf } from '@titan/queue-core/text-of'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { LedgerEntry } from '@titan/gateway-simulator'
import { factsOfBooks, type LedgerBooks, type LedgerFact } from './ledger-tables.ts'

/** A ledger that cannot be read. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError'
  readonly code = 'LEDGER_UNREADABLE'
}

/**
 * The facts of a ledger file, one after the other, so that its size does not matter. A last line that is being
 * written just now is left out.
 *
 * @throws {LedgerError} while it is read
 */
export async function* readLedgerFile(path: string): AsyncGenerator<LedgerFact> {
  const keys = new Map<string, string>()
  let number = 0
  let broken: string | undefined
  try {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      if (broken !== undefined) throw new LedgerError(broken)
      number++
      const entry = parse(line)
      if (entry === undefined) broken = `${path}: line ${number} is not JSON`
      else yield* factsOf(entry, keys)
    }
  } catch (error) {
    if (isInstance(error, LedgerError)) throw error
    throw new LedgerError(`${path} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}

/**
 * The facts of a running gateway simulator, asked for when they are needed. `url` is the simulator's own, or that of
 * its ledger.
 *
 * @throws {LedgerError} while it is read
 */
export async function* fetchLedger(url: string): AsyncGenerator<LedgerFact> {
  const target = url.endsWith('/_ledger') ? url : `${url.replace(/\/+$/, '')}/_ledger`
  try {
    const response = await fetch(target, { signal: AbortSignal.timeout(60_000) })
    if (!response.ok) throw new Error(`the answer was ${response.status}`)
    const { charges, requests, mismatches = 0 } = (await response.json()) as Partial<LedgerBooks>
    if (!Array.isArray(charges) || !Array.isArray(requests)) throw new Error('the answer is not a ledger')
    yield* factsOfBooks({ charges, requests, mismatches })
  } catch (error) {
    throw new LedgerError(`${target} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}

function parse(line: string): LedgerEntry | 'empty' | undefined {
  if (line === '') return 'empty'
  try {
    return JSON.parse(line) as LedgerEntry
  } catch {
    return undefined
  }
}

/** `keys`: the key of each request whose answer is outstanding. */
function* factsOf(entry: LedgerEntry | 'empty', keys: Map<string, string>): Generator<LedgerFact> {
  if (entry === 'empty') return
  switch (entry.type) {
    case 'request':
      if (entry.key !== null) keys.set(entry.id, entry.key)
      yield { type: 'request', request: entry }
      break
    case 'executed':
    case 'settled':
      if (entry.charge !== null) yield { type: 'charge', charge: entry.charge }
      break
    case 'answered':
      if (entry.isMismatch) yield { type: 'mismatch', key: keys.get(entry.request) ?? entry.request }
      keys.delete(entry.request)
      break
    case 'opened':
    case 'webhook':
      break
  }
}

function reasonOf(error: unknown): string {
  const cause = propertyOf(error, 'cause')
  return isError(cause) ? `${textOf(error)} (${textOf(cause)})` : textOf(error)
}
