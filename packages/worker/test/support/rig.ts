import { createTestDatabase, eventually, testPrefix } from '@titan/testkit'
import {
  createPaymentStore,
  migrate,
  openDatabase,
  type Database,
  type PaymentStatus,
  type PaymentStore,
} from '@titan/payments'
import { inject } from 'vitest'
import { killSpawned, type SpawnedProgram } from '@titan/testkit'

/** Starting processes takes its time on a busy machine; nothing here is a measurement. */
export const PATIENT: { readonly timeoutMs: number } = { timeoutMs: 60_000 }

/** A database with its tables and a key prefix, for one test file. */
export interface Rig {
  readonly sql: Database
  readonly store: PaymentStore
  /** What a program needs to find both. */
  readonly env: Readonly<Record<string, string>>
  /** Stores a payment, as the API does, and answers its id. */
  create(key: string, amount?: number): Promise<string>
  /** Waits until a payment has one of these statuses. */
  reaches(id: string, ...statuses: readonly PaymentStatus[]): Promise<void>
  /** Events that wait to be handed out to webhook endpoints. */
  countNotes(): Promise<number>
  close(): Promise<void>
}

/** Opens a rig on the test run's servers. */
export async function openRig(): Promise<Rig> {
  const database = await createTestDatabase(inject('databaseUrl'))
  const sql = openDatabase(database.url, { poolSize: 2 })
  await migrate(sql)
  const store = createPaymentStore(sql)
  return {
    sql,
    store,
    env: { DATABASE_URL: database.url, REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: testPrefix() },
    create: async (idempotencyKey, amount = 500) => {
      const created = await store.create({ amount, idempotencyKey })
      if (created.kind === 'mismatch') throw new Error(`the key ${idempotencyKey} is taken`)
      return created.payment.id
    },
    reaches: async (id, ...statuses) => {
      await eventually(async () => {
        const status = (await store.get(id))?.status
        if (status === undefined || !statuses.includes(status)) throw new Error(`${id} is ${String(status)}`)
      }, PATIENT)
    },
    countNotes: async () => {
      const [row] = await sql<{ total: number }[]>`select count(*) as total from webhook_outbox`
      return row?.total ?? Number.NaN
    },
    close: async () => {
      await killSpawned()
      await sql.end({ timeout: 1 })
      await database.drop()
    },
  }
}

/** Waits until a program has written its line that says it is ready. */
export async function isReady(program: SpawnedProgram): Promise<void> {
  await eventually(() => {
    if (!/ready|listens/.test(program.stdout())) throw new Error(`not ready: ${program.stderr()}`)
  }, PATIENT)
}
