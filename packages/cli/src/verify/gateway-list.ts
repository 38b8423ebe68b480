import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import {
  attemptOf,
  CLOCK_MARGIN_MS,
  listWindows,
  type Database,
  type Gateway,
  type GatewayRecord,
  type LedgerCharge,
} from '@titan/payments'
import { withProgress, type OnProgress } from '../terminal.ts'
import type { Snapshot } from './snapshot.ts'

/** What the list of a gateway has to show. */
interface ListSpan {
  /** As attempts are stored. */
  readonly gateway: string
  /** When payments succeeded that are compared; exclusive at its end. */
  readonly since: Date
  readonly until: Date
}

/** What a gateway itself lists. */
export interface GatewayList extends ListSpan {
  /** How long the gateway remembers a key, in milliseconds. */
  readonly keyTtlMs: number
  /** When the first of those payments was sent that are compared: the list begins there. */
  readonly from: Date
  /** Payments that were sent before, and are not compared. */
  readonly older: number
  readonly charges: Iterable<LedgerCharge> | AsyncIterable<LedgerCharge>
}

/** How long before its success a payment may have been sent: authorizations are captured within a month. */
const LONGEST_LIFE_MS = 35 * 86_400_000

/**
 * Reads the list of a gateway into a file, compares, and deletes it: a list takes minutes, which no snapshot of the database
 * may last, and has more records than memory.
 */
export async function withList<Value>(
  {
    sql,
    gateway,
    ...span
  }: Omit<ListSpan, 'gateway'> & { readonly sql: Database; readonly gateway: Gateway },
  use: (list: GatewayList) => Promise<Value>,
): Promise<Value> {
  const wanted = { ...span, gateway: gateway.name }
  const { from, older } = await findFirstSend(sql, wanted)
  const folder = await mkdtemp(join(tmpdir(), 'titan-verify-'))
  try {
    const path = join(folder, 'list.jsonl')
    const listed = { since: shifted(from, -1), until: shifted(span.until, 1) }
    await withProgress('records', 0, (onProgress) =>
      pipeline(linesOf(gateway, listed, onProgress), createWriteStream(path)),
    )
    return await use({ ...wanted, keyTtlMs: gateway.keyTtlMs, from, older, charges: readCharges(path) })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Says what was compared, and what was not. */
export function formatRange({ gateway, since, until, older, from }: GatewayList): string {
  const range = `by the list of ${gateway}: what succeeded from ${since.toISOString()} to ${until.toISOString()}`
  return older === 0 ? range : `${range}; ${older} sent before ${from.toISOString()} not compared`
}

/** Selects the payments that succeeded in a span, and when each was first sent to the gateway. */
export function sentOf(sql: Database | Snapshot, { gateway, since, until }: ListSpan) {
  return sql`
    select p.id, coalesce(
             (select min(a.first_sent_at) from attempt_history a where a.payment_id = p.id and a.gateway = ${gateway}::text),
             p.created_at) as at
      from (select payment_id from payment_history
             where at >= ${since} and at < ${until} and type = 'payment.succeeded') as recent
      join payments p on p.id = recent.payment_id
     where p.gateway = ${gateway}::text and p.status = 'SUCCESS'`
}

async function findFirstSend(sql: Database, span: ListSpan) {
  const earliest = new Date(span.since.getTime() - LONGEST_LIFE_MS)
  const [row] = await sql<{ first: Date | null; older: number }[]>`
    with sent as (${sentOf(sql, span)})
    select min(at) filter (where at >= ${earliest}) as first, count(*) filter (where at < ${earliest})::float8 as older
      from sent`
  const { first = null, older = 0 } = row ?? {}
  return { from: first !== null && first < span.since ? first : span.since, older }
}

function shifted(time: Date, margins: number): Date {
  return new Date(time.getTime() + margins * CLOCK_MARGIN_MS)
}

async function* linesOf(
  gateway: Gateway,
  span: { readonly since: Date; readonly until: Date },
  onProgress: OnProgress,
): AsyncGenerator<string> {
  let listed = 0
  for await (const { records } of listWindows({ gateway }, span)) {
    listed += records.length
    onProgress(listed, listed)
    yield records
      .flatMap((record) => chargeOf(record) ?? [])
      .map((charge) => `${JSON.stringify(charge)}\n`)
      .join('')
  }
}

/** What carries no key of ours is the account's other business. */
function chargeOf({
  kind,
  status,
  gatewayKey,
  gatewayRef: id,
  amount,
  currency,
  at,
}: GatewayRecord): LedgerCharge | undefined {
  const attempt = attemptOf(gatewayKey)
  if (kind !== 'charge' || status !== 'succeeded' || attempt === undefined) return undefined
  return {
    id,
    intentId: id,
    key: gatewayKey ?? null,
    reference: attempt.id,
    amount,
    currency,
    at: at.getTime(),
  }
}

async function* readCharges(path: string): AsyncGenerator<LedgerCharge> {
  for await (const line of createInterface({ input: createReadStream(path) }))
    yield JSON.parse(line) as LedgerCharge
}
