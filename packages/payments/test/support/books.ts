import { randomUUID } from 'node:crypto'
import {
  compareBooks,
  gatewayKeyOf,
  kindOf,
  readPlace,
  type ChargeOutcome,
  type CompareOptions,
  type Database,
  type Gateway,
  type GatewayRecord,
  type MoneyRecord,
  type PaymentStore,
} from '../../src/index.ts'
import { claim, newKey } from './payments.ts'
import { settlementOf } from './settlements.ts'

const OUTCOMES = {
  succeeded: (record: MoneyRecord): ChargeOutcome => ({ type: 'SUCCEEDED', ...factsOf(record) }),
  authorized: (record: MoneyRecord): ChargeOutcome => ({
    type: 'AUTHORIZED',
    ...factsOf(record),
    expiresAt: null,
  }),
  pending: (): ChargeOutcome => ({ type: 'PENDING' }),
  failed: (): ChargeOutcome => ({ type: 'DECLINED', code: 'failed', kind: 'hard' }),
  canceled: (): ChargeOutcome => ({ type: 'DECLINED', code: 'canceled', kind: 'hard' }),
}

function factsOf({ gatewayRef, amount, currency }: MoneyRecord) {
  return { gatewayRef, amount, currency }
}

/** A gateway whose books a test writes, and payments that were charged there. */
export function booksOf(store: PaymentStore, sql: Database, given: Partial<Gateway> = {}) {
  const { name = `books_${randomUUID().slice(0, 8)}` } = given
  const records: GatewayRecord[] = []
  const calls = { list: 0, lookup: 0, longest: 0 }
  const gateway: Gateway = {
    name,
    keyTtlMs: 86_400_000,
    charge: () => Promise.reject(new Error('a comparison charges nothing')),
    move: () => Promise.reject(new Error('a comparison moves nothing')),
    abandon: () => Promise.reject(new Error('a comparison cancels nothing')),
    async list({ since, until, cursor = '0' }) {
      calls.list++
      // The newest first, three a page.
      const found = records.filter(({ at }) => at >= since && at < until).toReversed()
      const from = Number(cursor)
      const next = found.length > from + 3 ? String(from + 3) : undefined
      return { records: found.slice(from, from + 3), next }
    },
    async lookup({ gatewayKey }) {
      calls.lookup++
      const found = records.find((record) => record.kind !== 'dispute' && record.gatewayKey === gatewayKey)
      if (found === undefined || found.kind === 'dispute') return { type: 'NOT_FOUND' }
      return { type: 'FOUND', outcome: OUTCOMES[found.status](found) }
    },
    ...given,
  }

  /** A payment in SUCCESS, and the gateway's record of it. */
  async function paid(changed: Partial<MoneyRecord> = {}, amount = 500) {
    const account = readPlace(name)?.account
    const answer = await store.create({ amount, idempotencyKey: newKey(), account })
    if (answer.kind !== 'created') throw new Error('not created')
    const { id } = answer.payment
    const claimed = await claim(store, id, { gateway: name })
    const gatewayRef = `ch_${id}`
    const outcome = { type: 'SUCCEEDED', gatewayRef, amount, currency: 'USD' } as const
    if (!(await store.settle(settlementOf(claimed, outcome)))) throw new Error('not settled')
    const record = recordOf(id, { gatewayRef, amount, ...changed })
    records.push(record)
    return { id, gatewayRef, record }
  }

  function recordOf(id: string, changed: Partial<MoneyRecord> = {}, attemptNo = 1): MoneyRecord {
    const facts = {
      gatewayRef: `ch_${id}`,
      gatewayKey: gatewayKeyOf(id, attemptNo),
      amount: 500,
      currency: 'USD',
    }
    return { kind: kindOf(id), ...facts, status: 'succeeded', at: new Date(), ...changed }
  }

  async function compare(options: Partial<CompareOptions> = {}) {
    const [since, until] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 60_000)]
    const report = await compareBooks({ store, gateway, since, until, ...options })
    return { ...report, kinds: report.found.map(({ kind }) => kind).toSorted() }
  }

  /** The breaks of this gateway that are on record. */
  function breaks() {
    return sql<
      {
        kind: string
        payment_id: string | null
        reference: string
        is_open: boolean
        resolved_by: string | null
      }[]
    >`
      select kind, payment_id, reference, resolved_at is null as is_open, resolved_by
        from reconciliation_breaks where gateway = ${name} order by kind, reference`
  }

  return { name, gateway, records, calls, paid, recordOf, compare, breaks }
}
