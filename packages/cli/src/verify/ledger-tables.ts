import {
  factsOfLedger,
  fromStripeAmount,
  type Ledger,
  type LedgerFact,
  type LedgerRequest,
} from '@titan/payments'
import type { Snapshot } from './snapshot.ts'

/** Facts per insert. */
const BATCH = 2_000

/** The path of requests that may move money; others only look. */
const CHARGES_AT = '/v1/payment_intents'

/**
 * Loads the ledger into temporary tables `charge`, `request` and `mismatch`. Amounts and currencies are in our
 * units.
 */
export async function loadLedger(snapshot: Snapshot, ledger: Ledger): Promise<void> {
  await snapshot`
    create temporary table charge (
      id text, intent_id text, key text, payment_id text, amount bigint, currency text, at timestamptz) on commit drop`
  await snapshot`
    create temporary table request (
      id text, key text, payment_id text, amount bigint, currency text, at timestamptz) on commit drop`
  await snapshot`create temporary table mismatch (key text) on commit drop`
  let batch: LedgerFact[] = []
  for await (const fact of Symbol.asyncIterator in ledger ? ledger : factsOfLedger(ledger)) {
    batch.push(fact)
    if (batch.length < BATCH) continue
    await insert(snapshot, batch)
    batch = []
  }
  await insert(snapshot, batch)
  // A refunded charge counts no more: the refund is on record as the contradiction's resolution.
  await snapshot`
    delete from charge c using reconciliation_breaks b
     where b.payment_id = c.payment_id and b.refund_ref is not null and b.reference in (c.id, c.intent_id)`
  await snapshot`create index on charge (payment_id)`
  await snapshot`create index on request (key)`
  await snapshot`analyze charge, request`
}

async function insert(snapshot: Snapshot, facts: readonly LedgerFact[]): Promise<void> {
  const charges = facts.flatMap((fact) => (fact.type === 'charge' ? [fact.charge] : []))
  const requests = facts.flatMap((fact) => (fact.type === 'request' ? [fact.request] : [])).filter(movesMoney)
  const mismatches = facts.flatMap((fact) => (fact.type === 'mismatch' ? [fact.key] : []))
  if (charges.length > 0)
    await snapshot`
      insert into charge (id, intent_id, key, payment_id, amount, currency, at)
      select id, intent_id, key, payment_id, amount, currency, to_timestamp(at / 1000)
        from unnest(${charges.map(({ id }) => id)}::text[], ${charges.map(({ intentId }) => intentId)}::text[],
                    ${charges.map(({ key }) => key)}::text[], ${charges.map(({ reference }) => reference)}::text[],
                    ${charges.map(amountOf)}::bigint[], ${charges.map(currencyOf)}::text[],
                    ${charges.map(({ at }) => at)}::float8[])
          as fact (id, intent_id, key, payment_id, amount, currency, at)`
  if (requests.length > 0)
    await snapshot`
      insert into request (id, key, payment_id, amount, currency, at)
      select id, key, payment_id, amount, currency, to_timestamp(at / 1000)
        from unnest(${requests.map(({ id }) => id)}::text[], ${requests.map(({ key }) => key)}::text[],
                    ${requests.map(({ reference }) => reference)}::text[], ${requests.map(amountOf)}::bigint[],
                    ${requests.map(currencyOf)}::text[], ${requests.map(({ at }) => at)}::float8[])
          as fact (id, key, payment_id, amount, currency, at)`
  if (mismatches.length > 0) await snapshot`insert into mismatch (key) select unnest(${mismatches}::text[])`
}

function movesMoney({ method, path }: LedgerRequest): boolean {
  return method === 'POST' && path === CHARGES_AT
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
