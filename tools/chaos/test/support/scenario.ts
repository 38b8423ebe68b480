import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readLedger, spawnGatewaySimulator, type GatewayLedger } from '@titan/gateway-simulator'
import { createTestDatabase, eventually, testPrefix } from '@titan/testkit'
import {
  createPaymentStore,
  migrate,
  openDatabase,
  PAYMENTS_QUEUE,
  readLedgerFile,
  type Database,
  type PaymentJobs,
  type PaymentStore,
} from '@titan/payments'
import { createQueue } from '@titan/queue-core'
import { verify, type Finding } from '@titan/cli'
import { createClient } from 'redis'
import { inject } from 'vitest'
import { readKills, type Kill } from '../../src/kill-log.ts'
import { startProgram, type ProgramName, type RunningProgram } from '../../src/program.ts'
import { OUTCOMES, type MovementOutcome } from './outcomes.ts'

/** Nothing here is a measurement; a machine may be slow. */
export const PATIENT: { readonly timeoutMs: number; readonly intervalMs: number } = {
  timeoutMs: 120_000,
  intervalMs: 100,
}
const MAX_RETRIES = 2

/** One payment for each outcome of the gateway, and programs that die on the way. */
export interface Scenario {
  readonly sql: Database
  readonly store: PaymentStore
  /**
   * Stores a new payment for each of these outcomes, by index, as the API does but without it; answers their ids in the
   * same order. @default all outcomes
   */
  createPayments(indexes?: readonly number[]): Promise<string[]>
  /** Charges or authorizes a payment for each of these movements, and asks for them; answers their ids in the same order. */
  createMovements(outcomes: readonly MovementOutcome[]): Promise<string[]>
  /** Starts a program that dies at these steps, and answers when it is ready or dead. */
  start(name: ProgramName, killAt?: readonly string[]): Promise<{ program: RunningProgram; line: string }>
  /** Starts a worker again whenever it was killed at one of these steps, until all is over; then stops it. */
  workToTheEnd(killAt?: readonly string[]): Promise<void>
  /** Starts a worker that dies at these steps until one of them was passed by each of these payments. */
  killFor(step: string, ids: readonly string[]): Promise<void>
  /** Deletes what Redis holds: everything, or all but the mark by which a wipe is noticed. */
  wipe(what: 'everything' | 'jobs'): Promise<void>
  /** Lets a minute pass for everything that is due. */
  age(): Promise<void>
  /** Ends every program that runs. */
  endAll(): Promise<void>
  /** Every kill so far. */
  kills(): Kill[]
  ledger(): Promise<GatewayLedger>
  verify(): Promise<Finding[]>
  close(): Promise<void>
}

/** The amount of payments that are refunded, captured or voided. */
const AMOUNT = 2_000

/** Every outcome, by index. */
export const ALL: readonly number[] = OUTCOMES.map((_outcome, index) => index)

/** The amount that makes the gateway behave like the outcome at this index. */
export const amountOf = (index: number): number => 1_001 + index

/** Opens a scenario on the servers of the test run. Its programs start faster with a folder for compiled code. */
export async function openScenario(compileCache: string): Promise<Scenario> {
  const folder = await mkdtemp(join(tmpdir(), 'titan-chaos-'))
  const database = await createTestDatabase(inject('databaseUrl'))
  const sql = openDatabase(database.url, { poolSize: 2 })
  await migrate(sql)
  const store = createPaymentStore(sql)
  const redis = await createClient({ url: inject('redisUrl') }).connect()
  const prefix = testPrefix()
  const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
  const ledgerPath = join(folder, 'ledger.jsonl')
  const killLog = join(folder, 'kills.jsonl')
  const rules = OUTCOMES.map(({ behaviour }, index) => ({ amount: amountOf(index), behaviour }))
  const gateway = await spawnGatewaySimulator({ ledgerPath, rules })
  const running = new Set<RunningProgram>()
  let created = 0

  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: inject('redisUrl'),
    QUEUE_PREFIX: prefix,
    GATEWAY: 'stripe',
    STRIPE_SECRET_KEY: 'sk_test_titan',
    STRIPE_API_BASE: gateway.url,
    GATEWAY_TIMEOUT_MS: '400',
    GATEWAY_RATE_PER_SECOND: '1000',
    // An open circuit only makes payments wait; what is tested here is what becomes of them.
    GATEWAY_BREAKER: 'false',
    LEASE_MS: '2400',
    VISIBILITY_TIMEOUT_MS: '500',
    RELAY_INTERVAL_MS: '100',
    RECONCILE_INTERVAL_MS: '200',
    MAX_RETRIES: String(MAX_RETRIES),
    RETRY_BASE_MS: '20',
    RETRY_SOFT_DECLINES: 'true',
    SOFT_DECLINE_DELAY_MS: '20',
    NODE_COMPILE_CACHE: compileCache,
    CHAOS_KILL_LOG: killLog,
    CHAOS_POLICY: JSON.stringify({
      unknownDelaysMs: [100, 200, 400],
      pollDelaysMs: { customer: [100], capture: [3_600_000], gateway: [100, 200] },
      maxResolves: 5,
      maxTakeovers: 100,
    }),
  }

  async function start(
    name: ProgramName,
    killAt: readonly string[] = [],
  ): Promise<{ program: RunningProgram; line: string }> {
    const program = startProgram({
      name,
      args: name === 'api' ? ['--port', '0'] : [],
      env: { ...env, CHAOS_KILL_AT: killAt.join(',') },
    })
    running.add(program)
    void program.ended.then(() => running.delete(program))
    return { program, line: await Promise.race([program.ready, program.ended]) }
  }

  /** A program that ends for another reason than a kill is a failure of its own. */
  async function expectKilled(program: RunningProgram): Promise<void> {
    const how = await program.ended
    if (how !== 'SIGKILL') throw new Error(`a worker ended by itself: ${how}\n${program.lastLines()}`)
  }

  async function isQuiet(): Promise<boolean> {
    const [left] = await sql<{ count: number }[]>`
      select count(*)::int as count from payments
       where status not in ('SUCCESS', 'FAILED') and not needs_review
         and (waits_for is distinct from 'capture' or next_run_at <= clock_timestamp() or lease_until is not null)`
    if (left?.count !== 0) return false
    const { ready, leased, delayed, parked } = await queue.stats()
    return ready + leased + delayed + parked === 0
  }

  async function stop(program: RunningProgram): Promise<void> {
    program.signal('SIGTERM')
    const how = await program.ended
    if (how !== '0') throw new Error(`a program did not end in order: ${how}\n${program.lastLines()}`)
  }

  async function endAll(): Promise<void> {
    await Promise.all([...running].map((program) => program.kill()))
  }

  async function workToTheEnd(killAt: readonly string[] = []): Promise<void> {
    await eventually(async () => {
      const { program } = await start('worker', killAt)
      let isDead = false
      const died = program.ended.then(() => (isDead = true))
      await eventually(async () => isDead || (await isQuiet()), PATIENT)
      // Killed in its last step, perhaps: then all is quiet only for the one after it.
      if (!isDead) await Promise.race([died, stop(program)])
      if (isDead && (await program.ended) !== '0') {
        await expectKilled(program)
        return false
      }
      return true
    }, PATIENT)
  }

  return {
    sql,
    store,
    start,
    async createPayments(indexes = ALL) {
      const answers = await Promise.all(
        indexes.map((index) =>
          store.create({ amount: amountOf(index), idempotencyKey: `made-${(created += 1)}` }),
        ),
      )
      return answers.map((answer) => {
        if (answer.kind !== 'created') throw new Error(`a new key was answered ${answer.kind}`)
        return answer.payment.id
      })
    },
    async createMovements(outcomes) {
      const charged = await Promise.all(
        outcomes.map(async ({ kind }) => {
          const capture = kind === 'refund' ? 'automatic' : 'manual'
          const answer = await store.create({
            amount: AMOUNT,
            capture,
            idempotencyKey: `moved-${(created += 1)}`,
          })
          if (answer.kind !== 'created') throw new Error(`a new key was answered ${answer.kind}`)
          return answer.payment.id
        }),
      )
      await workToTheEnd()
      return Promise.all(
        outcomes.map(async ({ kind, behaviour }, at) => {
          const paymentId = charged[at] ?? ''
          const on = kind === 'void' ? 'cancel' : kind
          await gateway.order({ payment: paymentId, on, behaviours: [behaviour] })
          const answer = await store.createMovement({ kind, paymentId, idempotencyKey: 'one' })
          if (answer.kind !== 'created') throw new Error(`${kind}: ${JSON.stringify(answer)}`)
          return answer.movement.id
        }),
      )
    },
    workToTheEnd,
    async killFor(step, ids) {
      await eventually(async () => {
        const killed = readKills(killLog).filter((kill) => kill.step === step)
        if (ids.every((id) => killed.some((kill) => kill.ids.includes(id)))) return true
        const { program } = await start('worker', [step])
        await expectKilled(program)
        return false
      }, PATIENT)
    },
    async wipe(what) {
      const keys = await redis.keys(`${prefix}:*`)
      const doomed = keys.filter((key) => what === 'everything' || !key.endsWith(':epoch'))
      if (doomed.length > 0) await redis.del(doomed)
    },
    async age() {
      await sql`
        update payments set next_run_at = next_run_at - interval '1 minute', lease_until = lease_until - interval '1 minute'
         where status not in ('SUCCESS', 'FAILED')`
    },
    endAll,
    kills: () => readKills(killLog),
    ledger: () => readLedger(ledgerPath),
    verify: () =>
      verify({
        sql,
        redis,
        prefix,
        maxRetries: MAX_RETRIES,
        settled: true,
        ledger: readLedgerFile(ledgerPath),
      }),
    async close() {
      await endAll()
      await gateway.close()
      redis.destroy()
      await sql.end({ timeout: 1 })
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
