import { RetryError } from '@titan/queue-core'
import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import {
  createPaymentStore,
  createSimulatedGateway,
  openDatabase,
  type Database,
  type DatabaseOptions,
  type Gateway,
  type PaymentStore,
} from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { findBreaches } from './support/ledger.ts'
import { createPay } from './support/pay.ts'
import { claim, createPayment, expireLease, newKey, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'
import { startPostgresProxy, type PostgresProxy } from './support/postgres-proxy.ts'

const { sql, url } = await createMigratedDatabase()
const store = createPaymentStore(sql)

/** Queryable that only one verb of the store sends. */
const CREATING = 'insert into payments '
const CLAIMING = 'p.fence = 0 and p.attempt_no = 0'
const ENDING = 'p.claimed_by = result.actor'
const SETTLING = 'counts_resolve'

/** A pool that ends with the test. */
function open(toUrl: string, options: DatabaseOptions = {}): Database {
  const pool = openDatabase(toUrl, options)
  onTestFinished(() => pool.end({ timeout: 0 }))
  return pool
}

/** A store whose connections go through a proxy. */
async function openFaulty(): Promise<{ readonly proxy: PostgresProxy; readonly faulty: PaymentStore }> {
  const proxy = await startPostgresProxy(url)
  return { proxy, faulty: createPaymentStore(open(proxy.url)) }
}

test.each(['loseAnswerTo', 'loseStatement'] as const)(
  'a client that repeats its key after a failure gets one payment: %s',
  async (lose) => {
    const { proxy, faulty } = await openFaulty()
    const request = { amount: 500, idempotencyKey: newKey() }
    proxy[lose](CREATING)
    await expect(faulty.create(request)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect(proxy.losses).toBe(1)
    expect(await faulty.create(request)).toMatchObject({
      kind: lose === 'loseAnswerTo' ? 'replayed' : 'created',
    })
    expect((await store.page({ idempotencyKey: request.idempotencyKey })).payments).toHaveLength(1)
  },
)

/** Another worker may reach PostgreSQL: the job is tried again at once, and no attempt of it is used up. */
const HANDED_BACK = { delayMs: 100, countsAsAttempt: false, cause: { code: 'CONNECTION_CLOSED' } }

test('a claim without a reply to its commit is reclaimed with its key', async () => {
  const { proxy, faulty } = await openFaulty()
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  proxy.loseAnswerTo(CLAIMING)
  expect(await createPay(faulty)(id, { gateway })).toMatchObject(HANDED_BACK)
  expect(gateway.requests).toHaveLength(0)
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', attemptNo: 1 })
  await expireLease(sql, id)
  expect(await createPay(faulty)(id, { gateway })).toBeUndefined()
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', attemptNo: 1 })
  expect(gateway.ledger).toHaveLength(1)
  expect(await findBreaches(sql, store, gateway.ledger, id)).toEqual([])
})

test('a claim that was lost on the way leaves the payment as it was', async () => {
  const { proxy, faulty } = await openFaulty()
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  proxy.loseStatement(CLAIMING)
  expect(await createPay(faulty)(id, { gateway })).toMatchObject(HANDED_BACK)
  expect(await read(store, id)).toMatchObject({ status: 'PENDING', attemptNo: 0, fence: 0 })
})

test.each(['loseAnswerTo', 'loseStatement'] as const)(
  'a result is written once although the connection was cut: %s',
  async (lose) => {
    const { proxy, faulty } = await openFaulty()
    const gateway = createSimulatedGateway({ delayMs: 0 })
    const { id } = await createPayment(store)
    proxy[lose](ENDING)
    expect(await createPay(faulty)(id, { gateway })).toBeUndefined()
    expect(proxy.losses).toBe(1)
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gatewayRef: gateway.ledger[0]?.id })
    const ends = (await store.events(id)).filter(({ type }) => type === 'payment.succeeded')
    expect(ends).toHaveLength(1)
    expect(await findBreaches(sql, store, gateway.ledger, id)).toEqual([])
  },
)

test('a retry whose commit was not answered uses up one retry', async () => {
  const { proxy, faulty } = await openFaulty()
  const gateway = createSimulatedGateway({ delayMs: 0, script: () => 'transient' })
  const { id } = await createPayment(store)
  proxy.loseAnswerTo(SETTLING)
  expect(await createPay(faulty)(id, { gateway })).toBeInstanceOf(RetryError)
  expect(proxy.losses).toBe(1)
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', retries: 1 })
})

test('while the server recovers from a crash nothing is accepted, and what was charged is found out after it', async () => {
  const { proxy, faulty } = await openFaulty()
  const pay = createPay(faulty)
  const inner = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  const gateway: Gateway = {
    ...inner,
    async charge(request, options) {
      proxy.recover(true)
      return inner.charge(request, options)
    },
  }
  expect(await pay(id, { gateway })).toBeInstanceOf(Error)
  const request = { amount: 500, idempotencyKey: newKey() }
  await expect(faulty.create(request)).rejects.toMatchObject({ code: '57P03' })
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING' })
  proxy.recover(false)
  // The pool waits a little before it connects again.
  expect(await eventually(() => faulty.create(request))).toMatchObject({ kind: 'created' })
  await expireLease(sql, id)
  expect(await pay(id, { gateway: inner })).toBeUndefined()
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  expect(inner.ledger).toHaveLength(1)
})

/** A gateway during whose call somebody else locks the payment's row; `release` ends that. */
function lockDuring(id: string): {
  readonly gateway: Gateway
  readonly ledger: readonly unknown[]
  release(): Promise<void>
} {
  const inner = createSimulatedGateway({ delayMs: 0 })
  const held = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  let locking: Promise<unknown> | undefined
  return {
    ledger: inner.ledger,
    gateway: {
      ...inner,
      async charge(request, options) {
        locking = sql.begin(async (transaction) => {
          await transaction`select 1 from payments where id = ${id} for update`
          locked.resolve()
          await held.promise
        })
        await locked.promise
        return inner.charge(request, options)
      },
    },
    async release() {
      held.resolve()
      await locking
    },
  }
}

/** Runs `onFailure` after each failed try to write a result. */
function watchSettle(inner: PaymentStore, onFailure: (error: unknown) => Promise<void>): PaymentStore {
  return {
    ...inner,
    async settle(settlement) {
      try {
        return await inner.settle(settlement)
      } catch (error) {
        await onFailure(error)
        throw error
      }
    },
  }
}

test.each<[string, string, DatabaseOptions]>([
  ['a statement takes too long', '57014', { statementTimeoutMs: 300, lockTimeoutMs: 60_000 }],
  ['the row stays locked', '55P03', { lockTimeoutMs: 300 }],
])('a result is written again when %s', async (_name, code, options) => {
  const { id } = await createPayment(store)
  const { gateway, ledger, release } = lockDuring(id)
  const codes: unknown[] = []
  const stubborn = watchSettle(createPaymentStore(open(url, options)), async (error) => {
    codes.push((error as { code?: unknown }).code)
    await release()
  })
  expect(await createPay(stubborn)(id, { gateway })).toBeUndefined()
  expect(codes[0]).toBe(code)
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  expect(ledger).toHaveLength(1)
})

test('a result is written again when the server ends the connection in mid-statement', async () => {
  const { id } = await createPayment(store)
  const { gateway, release } = lockDuring(id)
  const own = open(url, { applicationName: 'titan-killed', lockTimeoutMs: 60_000 })
  const codes: unknown[] = []
  const stubborn = watchSettle(createPaymentStore(own), async (error) => {
    codes.push((error as { code?: unknown }).code)
    await release()
  })
  const paid = createPay(stubborn)(id, { gateway })
  await eventually(async () => {
    const ended = await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'titan-killed' and wait_event_type = 'Lock'`
    return ended.length > 0
  })
  expect(await paid).toBeUndefined()
  // Which one depends on whether the server's last word or the end of the connection is read first.
  expect(['57P01', 'CONNECTION_CLOSED']).toContain(codes[0])
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
})

test('a deadlock with somebody else ends, and every result of the statement is written', async () => {
  const ids = [(await createPayment(store)).id, (await createPayment(store)).id].toSorted()
  const claims = [await claim(store, ids[0] ?? ''), await claim(store, ids[1] ?? '')]
  const own = createPaymentStore(open(url, { lockTimeoutMs: 60_000, applicationName: 'titan-deadlock' }))
  let settled: Promise<boolean[]> | undefined
  await sql
    .begin(async (transaction) => {
      await transaction`set local lock_timeout = 0`
      await transaction`select 1 from payments where id = ${ids[1] ?? ''} for update`
      // In one statement, which locks in the order of the ids: it has the first and waits for the second.
      settled = Promise.all(claims.map((one) => own.settle(settlementOf(one, successOf(one)))))
      await eventually(async () => {
        const waiting = await sql`
          select from pg_stat_activity
           where datname = current_database() and application_name = 'titan-deadlock' and wait_event_type = 'Lock'`
        return waiting.length > 0
      })
      await transaction`select 1 from payments where id = ${ids[0] ?? ''} for update`
    })
    // The server chose one of the two.
    .catch((error: unknown) => expect(error).toMatchObject({ code: '40P01' }))
  expect(await settled).toEqual([true, true])
  for (const id of ids) expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  await eventually(async () => {
    const [row] = await sql`select deadlocks from pg_stat_database where datname = current_database()`
    return Number(row?.['deadlocks']) > 0
  })
})

test('a server whose default is another isolation level is asked for the one that the statements are written for', async () => {
  const name = new URL(url).pathname.slice(1)
  await sql.unsafe(`alter database ${name} set default_transaction_isolation = 'serializable'`)
  onTestFinished(async () => {
    await sql.unsafe(`alter database ${name} reset default_transaction_isolation`)
  })
  expect(await open(url)`show transaction_isolation`).toEqual([{ transaction_isolation: 'read committed' }])
})

test('without names no statement stays at the server, and payments go their way', async () => {
  const own = open(`${url}?prepare=false`, { poolSize: 1 })
  const nameless = createPaymentStore(own)
  const { id } = await createPayment(nameless)
  const gateway = createSimulatedGateway({ delayMs: 0 })
  expect(await createPay(nameless)(id, { gateway })).toBeUndefined()
  expect(await read(nameless, id)).toMatchObject({ status: 'SUCCESS' })
  expect(await own`select name from pg_prepared_statements`).toEqual([])
  const named = open(url, { poolSize: 1 })
  await read(createPaymentStore(named), id)
  expect(
    await named`select count(*) from pg_prepared_statements where statement like 'select id, amount%where id = $1%'`,
  ).toEqual([{ count: 1 }])
})
