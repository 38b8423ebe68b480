import {
  factsOfLedger,
  fromStripeAmount,
  readPlace,
  type Ledger,
  type LedgerCharge,
  type LedgerFact,
  type LedgerMovement,
  type LedgerRequest,
} from '@titan/payments'
import { sentOf, type GatewayList } from './gateway-list.ts'
import type { Snapshot } from './snapshot.ts'

/** Facts per insert. */
const BATCH = 2_000

/** The path of requests that charge. Others only look, or are about a charge. */
const CHARGES_AT = '/v1/payment_intents'
/** The paths of requests that capture, void or refund. */
const MOVES_AT = /^\/v1\/(?:refunds|payment_intents\/[^/]+\/(?:capture|cancel))$/

/**
 * Loads the ledger into temporary tables `charge`, `movement`, `request`, `movement_request` and `mismatch`, and the payments
 * that it must have charged into `expected`. Amounts and currencies are in our units.
 */
export async function loadLedger(snapshot: Snapshot, ledger: Ledger, gateway = ''): Promise<void> {
  await createTables(snapshot)
  const facts = Symbol.asyncIterator in ledger ? ledger : factsOfLedger(ledger)
  for await (const batch of inBatches(facts)) await insert(snapshot, batch)
  await snapshot`
    insert into expected
    select id, currency, coalesce(amount_captured, amount), gateway_ref
      from payments
     where status = 'SUCCESS' and parent_id is null and (${gateway}::text = '' or gateway = ${gateway}::text)`
  await finishTables(snapshot)
}

/** Loads what a gateway lists into the same tables. */
export async function loadList(snapshot: Snapshot, list: GatewayList): Promise<void> {
  const { gateway, since, until, from } = list
  await createTables(snapshot)
  for await (const batch of inBatches(list.charges)) await insertCharges(snapshot, batch)
  await snapshot`
    insert into expected
    with sent as (${sentOf(snapshot, { gateway, since, until })})
    select p.id, p.currency, coalesce(p.amount_captured, p.amount), p.gateway_ref
      from sent join payments p on p.id = sent.id
     where sent.at >= ${from}`
  await snapshot`analyze charge, expected`
  // What succeeded outside of the span proves nothing about it.
  await snapshot`
    delete from charge c using payments p
     where p.id = c.payment_id and p.status = 'SUCCESS' and p.gateway = ${gateway}::text and p.gateway_ref = c.id
       and not exists (select from expected e where e.id = p.id)`
  // An account can make the list of its place say anything, so it is believed about the payments of that account.
  const account = readPlace(gateway)?.account ?? null
  await snapshot`
    delete from charge c using payments p
     where p.id = c.payment_id and coalesce(p.account, 'default') <> ${account}::text`
  // Nor does what belongs to another place of the same gateway account.
  await snapshot`
    delete from charge c using attempt_history a, payments p
     where a.gateway_key = c.key and p.id = a.payment_id and a.gateway <> ${gateway}::text
       and split_part(a.gateway, '@', 1) = split_part(${gateway}::text, '@', 1)
       and not (p.status = 'SUCCESS' and p.gateway_ref <> c.id)`
  await finishTables(snapshot)
}

async function* inBatches<Item>(items: Iterable<Item> | AsyncIterable<Item>): AsyncGenerator<Item[]> {
  let batch: Item[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

async function createTables(snapshot: Snapshot): Promise<void> {
  await snapshot`
    create temporary table expected (id text, currency text, amount bigint, gateway_ref text) on commit drop`
  await snapshot`
    create temporary table charge (
      id text, intent_id text, key text, payment_id text, amount bigint, currency text, at timestamptz) on commit drop`
  await snapshot`
    create temporary table request (
      id text, key text, payment_id text, amount bigint, currency text, at timestamptz) on commit drop`
  await snapshot`
    create temporary table movement (
      kind text, id text, intent_id text, key text, payment_id text, amount bigint, currency text, status text,
      at timestamptz, primary key (kind, id)) on commit drop`
  await snapshot`
    create temporary table movement_request (id text, key text, payment_id text, at timestamptz) on commit drop`
  await snapshot`create temporary table mismatch (key text) on commit drop`
}

async function finishTables(snapshot: Snapshot): Promise<void> {
  // A refunded charge counts no more: the refund is on record as the contradiction's resolution.
  await snapshot`
    delete from charge c using reconciliation_breaks b
     where b.payment_id = c.payment_id and b.refund_ref is not null and b.reference in (c.id, c.intent_id)`
  // Nor does what contradicted a capture, void or refund and was undone.
  await snapshot`
    delete from movement m using reconciliation_breaks b, payments r
     where r.parent_id = m.payment_id and b.payment_id = r.id and b.refund_ref is not null
       and b.reference in (m.id, m.intent_id) and m.kind = movement_kind(r.id)`
  await snapshot`create index on charge (payment_id)`
  await snapshot`create index on expected (id)`
  await snapshot`create index on request (key)`
  await snapshot`create index on movement (key)`
  await snapshot`create index on movement (payment_id)`
  await snapshot`analyze charge, expected, movement, request, movement_request`
}

async function insert(snapshot: Snapshot, facts: readonly LedgerFact[]): Promise<void> {
  const charges = facts.flatMap((fact) => (fact.type === 'charge' ? [fact.charge] : []))
  const seen = facts.flatMap((fact) => (fact.type === 'request' ? [fact.request] : []))
  const requests = seen.filter(isCharge)
  const mismatches = facts.flatMap((fact) => (fact.type === 'mismatch' ? [fact.key] : []))
  await insertCharges(
    snapshot,
    charges.map((charge) => ({ ...charge, amount: amountOf(charge), currency: currencyOf(charge) })),
  )
  if (requests.length > 0)
    await snapshot`
      insert into request (id, key, payment_id, amount, currency, at)
      select id, key, payment_id, amount, currency, to_timestamp(at / 1000)
        from unnest(${requests.map(({ id }) => id)}::text[], ${requests.map(({ key }) => key)}::text[],
                    ${requests.map(({ reference }) => reference)}::text[], ${requests.map(amountOf)}::bigint[],
                    ${requests.map(currencyOf)}::text[], ${requests.map(({ at }) => at)}::float8[])
          as fact (id, key, payment_id, amount, currency, at)`
  await insertMovements(
    snapshot,
    facts.flatMap((fact) => (fact.type === 'movement' ? [fact.movement] : [])),
  )
  await insertMovementRequests(snapshot, seen.filter(isMovement))
  if (mismatches.length > 0) await snapshot`insert into mismatch (key) select unnest(${mismatches}::text[])`
}

interface Charge extends Omit<LedgerCharge, 'amount' | 'currency'>, Money {}

async function insertCharges(snapshot: Snapshot, charges: readonly Charge[]): Promise<void> {
  if (charges.length === 0) return
  await snapshot`
    insert into charge (id, intent_id, key, payment_id, amount, currency, at)
    select id, intent_id, key, payment_id, amount, currency, to_timestamp(at / 1000)
      from unnest(${charges.map(({ id }) => id)}::text[], ${charges.map(({ intentId }) => intentId)}::text[],
                  ${charges.map(({ key }) => key)}::text[], ${charges.map(({ reference }) => reference)}::text[],
                  ${charges.map(({ amount }) => amount)}::bigint[], ${charges.map(({ currency }) => currency)}::text[],
                  ${charges.map(({ at }) => at)}::float8[])
        as fact (id, intent_id, key, payment_id, amount, currency, at)`
}

async function insertMovements(snapshot: Snapshot, facts: readonly LedgerMovement[]): Promise<void> {
  // Each as it is now: one statement must not write a row twice.
  const movements = [...new Map(facts.map((fact) => [`${fact.kind} ${fact.id}`, fact])).values()]
  if (movements.length === 0) return
  await snapshot`
    insert into movement (kind, id, intent_id, key, payment_id, amount, currency, status, at)
    select kind, id, intent_id, key, payment_id, amount, currency, status, to_timestamp(at / 1000)
      from unnest(${movements.map(({ kind }) => kind)}::text[], ${movements.map(({ id }) => id)}::text[],
                  ${movements.map(({ intentId }) => intentId)}::text[], ${movements.map(({ key }) => key)}::text[],
                  ${movements.map(({ payment }) => payment)}::text[], ${movements.map(amountOf)}::bigint[],
                  ${movements.map(currencyOf)}::text[], ${movements.map(({ status }) => status)}::text[],
                  ${movements.map(({ at }) => at)}::float8[])
        as fact (kind, id, intent_id, key, payment_id, amount, currency, status, at)
        on conflict (kind, id) do update set status = excluded.status, at = excluded.at`
}

async function insertMovementRequests(snapshot: Snapshot, requests: readonly LedgerRequest[]): Promise<void> {
  if (requests.length === 0) return
  await snapshot`
    insert into movement_request (id, key, payment_id, at)
    select id, key, payment_id, to_timestamp(at / 1000)
      from unnest(${requests.map(({ id }) => id)}::text[], ${requests.map(({ key }) => key)}::text[],
                  ${requests.map(({ reference }) => reference)}::text[], ${requests.map(({ at }) => at)}::float8[])
        as fact (id, key, payment_id, at)`
}

function isCharge({ method, path }: LedgerRequest): boolean {
  return method === 'POST' && path === CHARGES_AT
}

function isMovement({ method, path }: LedgerRequest): boolean {
  return method === 'POST' && MOVES_AT.test(path)
}

interface Money {
  readonly amount: number | null
  readonly currency: string | null
}

function currencyOf({ currency }: Money): string | null {
  return currency?.toUpperCase() ?? null
}

function amountOf({ amount, currency }: Money): number | null {
  return amount === null || currency === null ? amount : fromStripeAmount(amount, currency.toUpperCase())
}
