import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { isError, isInstance, propertyOf, textOf } from '@titan/queue-core/text-of'

/** Money that a gateway moved, in its own units. */
export interface LedgerCharge {
  readonly id: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly intentId: string
  /** The idempotency key of the request; null without one. */
  readonly key: string | null
  /** The id of the payment, as the gateway has it. */
  readonly reference: string | null
  readonly amount: number
  /** Three small letters. */
  readonly currency: string
}

export interface LedgerRequest extends Pick<LedgerCharge, 'id' | 'at' | 'key' | 'reference'> {
  readonly method: string
  readonly path: string
  readonly amount: number | null
  readonly currency: string | null
}

/** What a gateway did about a charge. A later fact with the same kind and id replaces it. */
export interface LedgerMovement extends Pick<
  LedgerCharge,
  'at' | 'intentId' | 'key' | 'amount' | 'currency'
> {
  readonly kind: 'authorization' | 'capture' | 'void' | 'refund'
  /** The refund's id, or that of the charge. */
  readonly id: string
  /** The id of the payment, as the gateway has it. */
  readonly payment: string | null
  readonly status: 'pending' | 'succeeded' | 'failed' | 'canceled'
}

/** One fact of a gateway's ledger. */
export type LedgerFact =
  | { readonly type: 'charge'; readonly charge: LedgerCharge }
  | { readonly type: 'movement'; readonly movement: LedgerMovement }
  | { readonly type: 'request'; readonly request: LedgerRequest }
  /** A known key was used with other parameters. */
  | { readonly type: 'mismatch'; readonly key: string }

interface LedgerTotals {
  readonly charges: readonly LedgerCharge[]
  /** Authorizations, captures, voids and refunds. @default none */
  readonly movements?: readonly LedgerMovement[]
  readonly requests: readonly LedgerRequest[]
  readonly mismatches: number
}

/** A gateway's ledger: in memory, or one fact after the other. */
export type Ledger = LedgerTotals | AsyncIterable<LedgerFact>

/** One line of a ledger file. */
export type LedgerLine =
  | ({ readonly type: 'request' } & LedgerRequest)
  | {
      readonly type: 'executed' | 'settled'
      readonly charge: LedgerCharge | null
      /** Earlier simulators wrote none. */
      readonly movements?: readonly LedgerMovement[]
    }
  | { readonly type: 'answered'; readonly request: string; readonly isMismatch: boolean }
  | { readonly type: 'opened' | 'webhook' }

export class LedgerError extends Error {
  override readonly name = 'LedgerError'
  readonly code = 'LEDGER_UNREADABLE'
}

/**
 * Reads the facts of a ledger file one after the other, so that its size does not matter. Leaves out a last line that is
 * only half written.
 *
 * @throws {LedgerError} while it is read
 */
export async function* readLedgerFile(path: string): AsyncGenerator<LedgerFact> {
  // The key of each request whose response is outstanding.
  const keys = new Map<string, string>()
  let number = 0
  let broken: string | undefined
  try {
    for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      if (broken !== undefined) throw new LedgerError(broken)
      number++
      if (text === '') continue
      const line = parse(text)
      if (line === undefined) broken = `${path}: line ${number} is not JSON`
      else yield* factsOfLine(line, keys)
    }
  } catch (error) {
    if (isInstance(error, LedgerError)) throw error
    throw new LedgerError(`${path} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}

/**
 * Fetches the facts of a running gateway simulator when they are needed. `url` is that of the simulator, or of its
 * ledger.
 *
 * @throws {LedgerError} while it is read
 */
export async function* fetchLedger(url: string): AsyncGenerator<LedgerFact> {
  const target = url.endsWith('/_ledger') ? url : `${url.replace(/\/+$/, '')}/_ledger`
  try {
    const response = await fetch(target, { signal: AbortSignal.timeout(60_000) })
    if (!response.ok) throw new Error(`HTTP status ${response.status}`)
    const {
      charges,
      movements = [],
      requests,
      mismatches = 0,
    } = (await response.json()) as Partial<LedgerTotals>
    if (!Array.isArray(charges) || !Array.isArray(requests)) throw new Error('the response is not a ledger')
    yield* factsOfLedger({ charges, movements, requests, mismatches })
  } catch (error) {
    throw new LedgerError(`${target} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}

export function* factsOfLedger({
  charges,
  movements = [],
  requests,
  mismatches,
}: LedgerTotals): Generator<LedgerFact> {
  for (const charge of charges) yield { type: 'charge', charge }
  for (const movement of movements) yield { type: 'movement', movement }
  for (const request of requests) yield { type: 'request', request }
  for (let left = mismatches; left > 0; left--) yield { type: 'mismatch', key: 'a known key' }
}

function* factsOfLine(line: LedgerLine, keys: Map<string, string>): Generator<LedgerFact> {
  switch (line.type) {
    case 'request':
      if (line.key !== null) keys.set(line.id, line.key)
      yield { type: 'request', request: line }
      break
    case 'executed':
    case 'settled':
      yield* moneyOfLine(line)
      break
    case 'answered':
      if (line.isMismatch) yield { type: 'mismatch', key: keys.get(line.request) ?? line.request }
      keys.delete(line.request)
      break
    case 'opened':
    case 'webhook':
      break
  }
}

type MoneyLine = Extract<LedgerLine, { readonly type: 'executed' | 'settled' }>

function* moneyOfLine({ charge, movements = [] }: MoneyLine): Generator<LedgerFact> {
  if (charge !== null) yield { type: 'charge', charge }
  for (const movement of movements) yield { type: 'movement', movement }
}

function parse(text: string): LedgerLine | undefined {
  try {
    return JSON.parse(text) as LedgerLine
  } catch {
    return undefined
  }
}

function reasonOf(error: unknown): string {
  const cause = propertyOf(error, 'cause')
  return isError(cause) ? `${textOf(error)} (${textOf(cause)})` : textOf(error)
}
