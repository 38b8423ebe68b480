import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as payments from '@titan/payments'
import postgres from 'postgres'
import { comparedTable } from './compared.ts'

/** A connection of a design that takes payments from their creation to their end, many at a time. */
export interface Lane {
  /** Stores payments; answers their ids. */
  create(count: number): Promise<readonly string[]>
  /** Notes that they wait for a worker. */
  markQueued(ids: readonly string[]): Promise<unknown>
  /** Claims them, charges and settles. */
  pay(ids: readonly string[]): Promise<unknown>
  close(): Promise<unknown>
}

/** The statements of a design, without its servers and queues. */
export interface Design {
  readonly setting: string
  readonly table: 'payments' | 'plain_payments'
  /** Creates the tables in an empty database. */
  migrate(url: string): Promise<void>
  openLane(url: string): Lane
}

const AMOUNT = 500
const CURRENCY = 'USD'
/** A gateway that succeeds at once. */
const gateway: payments.Gateway = {
  name: 'simulated',
  keyTtlMs: 86_400_000,
  charge: ({ gatewayKey, amount, currency }) =>
    Promise.resolve({ type: 'SUCCEEDED', gatewayRef: `ch_${gatewayKey}`, amount, currency }),
}

/** Loads the store of another checkout, which must have its packages installed. */
export async function programOf(checkout: string): Promise<Design> {
  const file = join(checkout, 'packages/payments/src/index.ts')
  if (!existsSync(file))
    throw new RangeError(`--previous must be a checkout of this project, got ${checkout}`)
  return designOf((await import(pathToFileURL(file).href)) as typeof payments)
}

/** The payments of this checkout. */
export const program: Design = designOf(payments)

function designOf(version: Pick<typeof payments, ProgramMember>): Design {
  const { openDatabase, migrate, createPaymentStore, createPaymentHandler } = version
  return {
    setting: 'its store and its handler of jobs',
    table: 'payments',
    async migrate(url) {
      const sql = openDatabase(url, { poolSize: 1 })
      await migrate(sql)
      await sql.end()
    },
    openLane(url) {
      const sql = openDatabase(url, { poolSize: 1 })
      const store = createPaymentStore(sql)
      const handle = createPaymentHandler({ store, gateway })
      const { signal } = new AbortController()
      return {
        create: (count) => Promise.all(Array.from({ length: count }, () => createOne(store))),
        markQueued: (ids) => store.markQueued(ids, 'relay'),
        pay: (ids) => Promise.all(ids.map((id) => handle({ id, data: { payment_id: id } }, { signal }))),
        close: () => sql.end(),
      }
    },
  }
}

type ProgramMember = 'openDatabase' | 'migrate' | 'createPaymentStore' | 'createPaymentHandler'

async function createOne(store: payments.PaymentStore): Promise<string> {
  const answer = await store.create({ amount: AMOUNT, currency: CURRENCY, idempotencyKey: randomUUID() })
  if (answer.kind !== 'created') throw new Error(`a new key was answered ${answer.kind}`)
  return answer.payment.id
}

/** The plain design: the same steps, one row a payment, no fences, no events, no attempts, no triggers. */
export const plain: Design = {
  setting: 'one INSERT and two UPDATEs of one row',
  table: 'plain_payments',
  async migrate(url) {
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    await sql.unsafe(comparedTable('plain_payments'))
    await sql.end()
  },
  openLane(url) {
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    const move = (ids: readonly string[], from: string, to: string) => sql`
      update plain_payments set status = ${to}, updated_at = clock_timestamp()
       where id = any(${[...ids]}) and status = ${from}`
    return {
      async create(count) {
        const ids = Array.from({ length: count }, () => `pay_${randomUUID().replaceAll('-', '')}`)
        await sql`
          insert into plain_payments (id, amount, status, idempotency_key)
          select id, ${AMOUNT}, 'PENDING', key
            from unnest(${ids}::text[], ${ids.map(() => randomUUID())}::text[]) as given (id, key)
              on conflict (idempotency_key) do nothing`
        return ids
      },
      markQueued: (ids) => move(ids, 'PENDING', 'QUEUED'),
      async pay(ids) {
        await sql`
          update plain_payments set status = 'PROCESSING', updated_at = clock_timestamp()
           where id = any(${[...ids]}) and status in ('PENDING', 'QUEUED')`
        await move(ids, 'PROCESSING', 'SUCCESS')
      },
      close: () => sql.end(),
    }
  },
}
