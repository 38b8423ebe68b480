import { readFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGatewaySimulator, type Charge, type LedgerEntry } from '@titan/gateway-simulator'
import { createTestDatabase, testPrefix, writeAsRows, type TestDatabase } from '@titan/testkit'
import {
  createPaymentHandler,
  createPaymentStore,
  createStripeGateway,
  migrate,
  openDatabase,
  PAYMENTS_QUEUE,
  type Database,
  type PaymentHandlerOptions,
  type PaymentJobs,
  type PaymentStore,
} from '@titan/payments'
import { createQueue, type Queue } from '@titan/queue-core'
import { createClient, type RedisClientType } from 'redis'

/** Payments that real programs have worked on, and everything that knows of them. */
export interface World {
  readonly sql: Database
  readonly store: PaymentStore
  readonly redis: RedisClientType
  readonly queue: Queue<PaymentJobs>
  readonly prefix: string
  /** What `titan` needs to find it. */
  readonly env: Readonly<Record<string, string>>
  /** The ledger file; its gateway is closed. */
  readonly ledger: string
  /** Payments by what became of them. */
  readonly ids: Readonly<Record<Fate, string>>
  /** Breaks the database's rules: no trigger fires, no reference is checked. */
  plant(statements: (sql: Database) => Promise<unknown>): Promise<void>
  /** Changes the ledger line by line. */
  rewrite(
    change: (entry: LedgerEntry) => LedgerEntry | undefined,
    added?: readonly LedgerEntry[],
  ): Promise<void>
  /** The only charge of a payment. */
  chargeOf(id: string): Promise<Charge>
  close(): Promise<void>
}

/** What becomes of the payments of a world. */
export type Fate =
  /** Whose events and attempts are rows, like those of all but `plain`. */
  | 'paid'
  /** Whose events and attempt are columns. */
  | 'plain'
  | 'declined'
  | 'secondTry'
  | 'unknown'
  | 'parked'
  | 'canceled'
  | 'queued'
  | 'pending'

/** Where worlds are made. */
interface Place {
  readonly databaseUrl: string
  readonly redisUrl: string
}

/** What real programs have made of payments, to be looked at by any number of worlds. */
interface Past {
  readonly database: TestDatabase
  readonly ids: World['ids']
  /** The text of the gateway's ledger. */
  readonly ledger: string
}

/** Makes worlds that are equal and know nothing of each other. */
export interface Worlds {
  create(): Promise<World>
  close(): Promise<void>
}

/** Makes one world on servers that run. */
export async function createWorld(databaseUrl: string, redisUrl: string): Promise<World> {
  const past = await makePast(databaseUrl)
  return openWorld({ databaseUrl, redisUrl }, past.database, past)
}

/**
 * Makes worlds that share one past: the programs work once, and each world gets a copy, which is made while the world
 * before is in use.
 */
export async function createWorlds(place: Place): Promise<Worlds> {
  const past = await makePast(place.databaseUrl)
  const copy = (): Promise<TestDatabase> => {
    const copying = createTestDatabase(place.databaseUrl, past.database)
    // Whoever waits for it hears of it.
    copying.catch(() => undefined)
    return copying
  }
  let next = copy()
  return {
    async create() {
      const database = await next
      next = copy()
      return openWorld(place, database, past)
    },
    async close() {
      await (await next).drop()
      await past.database.drop()
    },
  }
}

async function makePast(databaseUrl: string): Promise<Past> {
  const database = await createTestDatabase(databaseUrl)
  const folder = await mkdtemp(join(tmpdir(), 'titan-past-'))
  const sql = openDatabase(database.url, { poolSize: 3 })
  try {
    await migrate(sql)
    const ledger = join(folder, 'ledger.jsonl')
    const ids = await populate({ sql, store: createPaymentStore(sql), ledger })
    await writeAsRows(
      sql,
      Object.values(ids).filter((id) => id !== ids.plain),
    )
    return { database, ids, ledger: await readFile(ledger, 'utf8') }
  } finally {
    await sql.end({ timeout: 1 })
    await rm(folder, { recursive: true, force: true })
  }
}

async function openWorld({ redisUrl }: Place, database: TestDatabase, past: Past): Promise<World> {
  const { ids } = past
  const folder = await mkdtemp(join(tmpdir(), 'titan-world-'))
  const ledger = join(folder, 'ledger.jsonl')
  await writeFile(ledger, past.ledger)
  const sql = openDatabase(database.url, { poolSize: 3 })
  // However long ago that was: nothing is overdue when a world begins.
  await sql`update payments set next_run_at = clock_timestamp() where status in ('QUEUED', 'PROCESSING')`
  const redis: RedisClientType = createClient({ url: redisUrl })
  await redis.connect()
  const prefix = testPrefix()
  const store = createPaymentStore(sql)
  const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
  await queue.enqueue('pay', { payment_id: ids.queued }, { id: ids.queued })

  async function readEntries(): Promise<LedgerEntry[]> {
    const lines = (await readFile(ledger, 'utf8')).split('\n').filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line) as LedgerEntry)
  }

  return {
    sql,
    store,
    redis,
    queue,
    prefix,
    ledger,
    ids,
    env: { DATABASE_URL: database.url, REDIS_URL: redisUrl, QUEUE_PREFIX: prefix },
    async plant(statements) {
      const own = openDatabase(database.url, { poolSize: 1 })
      await own`set session_replication_role = replica`
      try {
        await statements(own)
      } finally {
        await own.end()
      }
    },
    async rewrite(change, added = []) {
      const entries = (await readEntries()).flatMap((entry) => change(entry) ?? [])
      await writeFile(ledger, [...entries, ...added].map((entry) => `${JSON.stringify(entry)}\n`).join(''))
    },
    async chargeOf(id) {
      const charges = (await readEntries()).flatMap((entry) =>
        'charge' in entry ? (entry.charge ?? []) : [],
      )
      const charge = charges.find(({ reference }) => reference === id)
      if (charge === undefined) throw new Error(`${id} was not charged`)
      return charge
    },
    async close() {
      redis.destroy()
      await sql.end({ timeout: 1 })
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Parts {
  readonly sql: Database
  readonly store: PaymentStore
  readonly ledger: string
}

/** Takes payments to their fates, with the real handler through the real adapter to the gateway simulator. */
async function populate({ sql, store, ledger }: Parts): Promise<Record<Fate, string>> {
  const simulator = await startGatewaySimulator({ ledgerPath: ledger })
  const gateway = createStripeGateway({
    secretKey: 'sk_test_titan',
    paymentMethod: 'pm_card_visa',
    baseUrl: simulator.url,
  })

  async function create(fate: Fate): Promise<string> {
    const answer = await store.create({ amount: 500, idempotencyKey: fate })
    if (answer.kind !== 'created') throw new Error(`${fate} was answered ${answer.kind}`)
    return answer.payment.id
  }

  async function take(
    id: string,
    behaviour: string,
    policy: PaymentHandlerOptions['policy'] = {},
  ): Promise<void> {
    await simulator.order({ payment: id, behaviours: [behaviour] })
    await sql`update payments set next_run_at = clock_timestamp() where id = ${id}`
    const handle = createPaymentHandler({ store, gateway, policy, worker: 'w1' })
    // A retry is asked for by throwing.
    await handle({ id, data: { payment_id: id } }, { signal: new AbortController().signal }).catch(() => {})
  }

  try {
    const [paid, declined, secondTry] = [
      await create('paid'),
      await create('declined'),
      await create('secondTry'),
    ]
    const [unknown, parked, canceled] = [
      await create('unknown'),
      await create('parked'),
      await create('canceled'),
    ]
    const [queued, pending, plain] = [await create('queued'), await create('pending'), await create('plain')]
    await take(paid, 'ok')
    await take(plain, 'ok')
    await take(declined, 'decline:hard')
    await take(secondTry, 'decline:soft', { retrySoftDeclines: true })
    await take(secondTry, 'ok')
    await take(unknown, '500_after')
    await take(parked, '500_before', { maxResolves: 0 })
    await store.cancel(canceled, { actor: 'api', reason: 'asked to' })
    await store.markQueued([queued], 'relay')
    return { paid, plain, declined, secondTry, unknown, parked, canceled, queued, pending }
  } finally {
    await gateway.close?.()
    await simulator.close()
  }
}
