import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readLedger, spawnGatewaySimulator, type GatewayLedger, type Rule } from '@titan/gateway-simulator'
import { createTestDatabase, eventually, testPrefix } from '@titan/testkit'
import {
  createPaymentStore,
  migrate,
  openDatabase,
  PAYMENTS_QUEUE,
  type Database,
  type PaymentJobs,
  type PaymentStore,
} from '@titan/payments'
import { createQueue } from '@titan/queue-core'
import { verify, type Finding } from '@titan/cli'
import { createClient } from 'redis'
import { inject } from 'vitest'
import { readLedgers } from '../../src/judge.ts'
import { readKills, type Kill } from '../../src/kill-log.ts'
import { startProgram, type ProgramName, type RunningProgram } from '../../src/program.ts'
import { OUTCOMES, type MovementOutcome } from './outcomes.ts'

/** Nothing here is a measurement; a machine may be slow. */
export const PATIENT: { readonly timeoutMs: number; readonly intervalMs: number } = {
  timeoutMs: 240_000,
  intervalMs: 100,
}
const MAX_RETRIES = 2

/** One payment for each outcome of the gateway, and programs that die on the way. */
export interface Scenario {
  readonly sql: Database
  readonly store: PaymentStore
  /**
   * Stores a new payment for each of these outcomes, by index, as the API does but without it; answers their ids in the
   * same order. @default all outcomes of one gateway
   */
  createPayments(indexes?: readonly number[]): Promise<string[]>
  /** Charges or authorizes a payment for each of these movements, at the last gateway, and asks for them; answers their ids in the same order. */
  createMovements(outcomes: readonly MovementOutcome[]): Promise<string[]>
  /** Starts a program that dies at these steps, and answers when it is ready or dead. */
  start(name: ProgramName, killAt?: readonly string[]): Promise<{ program: RunningProgram; line: string }>
  /** Starts a worker again whenever it was killed at one of these steps, until all is over; then stops it. */
  workToTheEnd(killAt?: readonly string[]): Promise<void>
  /**
   * Starts a worker that dies at this step until it was passed by each of these payments, again if they have passed it before.
   * Throws when all is over before that.
   */
  killFor(step: string, ids: readonly string[]): Promise<void>
  /** Deletes what Redis holds: everything, or all but the mark by which a wipe is noticed. */
  wipe(what: 'everything' | 'jobs'): Promise<void>
  /** Lets a minute pass for everything that is due. */
  age(): Promise<void>
  /** Ends every program that runs. */
  endAll(): Promise<void>
  /** Every kill so far. */
  kills(): Kill[]
  /** In their order; each has its own ledger. */
  readonly gateways: readonly { readonly name: string; readonly ledger: () => Promise<GatewayLedger> }[]
  verify(): Promise<Finding[]>
  close(): Promise<void>
}

/** The amount of payments that are refunded, captured or voided. */
const AMOUNT = 2_000

/** Every outcome of one gateway, by index. */
export const ALL: readonly number[] = OUTCOMES.flatMap(({ needsSecond = false }, index) =>
  needsSecond ? [] : [index],
)

/** The amount that makes the gateway behave like the outcome at this index. */
export const amountOf = (index: number): number => 1_001 + index

const SECOND_MODULE = fileURLToPath(new URL('../../src/second-gateway.ts', import.meta.url))

/**
 * Opens a scenario on the servers of the test run. Its programs start faster with a folder for compiled code. A second gateway
 * charges whatever it is asked for.
 */
export async function openScenario(compileCache: string, hasSecond = false): Promise<Scenario> {
  const folder = await mkdtemp(join(tmpdir(), 'titan-chaos-'))
  const database = await createTestDatabase(inject('databaseUrl'))
  const sql = openDatabase(database.url, { poolSize: 2 })
  await migrate(sql)
  const store = createPaymentStore(sql)
  const redis = await createClient({ url: inject('redisUrl') }).connect()
  const prefix = testPrefix()
  const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
  const killLogs = [join(folder, 'kills.jsonl')]
  const rules = OUTCOMES.map(({ behaviour }, index) => ({ amount: amountOf(index), behaviour }))
  const gateway = await openGateway('stripe', rules)
  const second = hasSecond ? await openGateway('second', []) : undefined
  const gateways = [gateway, ...(second === undefined ? [] : [second])]
  const running = new Set<RunningProgram>()
  let created = 0

  async function openGateway(name: string, rules: readonly Rule[]) {
    const ledgerPath = join(folder, `${name}.jsonl`)
    const simulator = await spawnGatewaySimulator({ ledgerPath, rules })
    return { name, simulator, ledgerPath, ledger: () => readLedger(ledgerPath) }
  }

  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: inject('redisUrl'),
    QUEUE_PREFIX: prefix,
    GATEWAYS: second === undefined ? 'stripe' : `stripe,${SECOND_MODULE}`,
    SECOND_API_BASE: second?.simulator.url ?? '',
    STRIPE_SECRET_KEY: 'sk_test_titan',
    STRIPE_API_BASE: gateway.simulator.url,
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
    CHAOS_POLICY: JSON.stringify({
      unknownDelaysMs: [100, 200],
      pollDelaysMs: { customer: [100], capture: [3_600_000], gateway: [100, 200] },
      maxResolves: 10,
      maxTakeovers: 100,
    }),
  }

  async function start(
    name: ProgramName,
    killAt: readonly string[] = [],
    killLog = killLogs[0] ?? '',
  ): Promise<{ program: RunningProgram; line: string }> {
    const program = startProgram({
      name,
      args: name === 'api' ? ['--port', '0'] : [],
      env: { ...env, CHAOS_KILL_AT: killAt.join(','), CHAOS_KILL_LOG: killLog },
    })
    running.add(program)
    void program.ended.then(() => running.delete(program))
    return { program, line: await Promise.race([program.ready, program.ended]) }
  }

  /** A program that ends for another reason than a kill is a separate failure. */
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

  /** Resolves with whether the program dies before all is over. */
  async function diesFirst(program: RunningProgram): Promise<boolean> {
    let isDead = false
    void program.ended.then(() => (isDead = true))
    await eventually(async () => isDead || (await isQuiet()), PATIENT)
    return isDead
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
      // Killed in its last step, perhaps: then all is quiet only for the one after it.
      if (!(await diesFirst(program))) await Promise.race([program.ended, stop(program)])
      if ((await program.ended) === '0') return true
      await expectKilled(program)
      return false
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
      if (second !== undefined)
        await gateway.simulator.order(charged.map((payment) => ({ payment, behaviours: ['429'] })))
      await workToTheEnd()
      return Promise.all(
        outcomes.map(async ({ kind, behaviour }, at) => {
          const paymentId = charged[at] ?? ''
          const on = kind === 'void' ? 'cancel' : kind
          const payment = await store.get(paymentId)
          const place = gateways.find(({ name }) => name === payment?.gateway) ?? gateway
          await place.simulator.order({ payment: paymentId, on, behaviours: [behaviour] })
          const answer = await store.createMovement({ kind, paymentId, idempotencyKey: 'one' })
          if (answer.kind !== 'created') throw new Error(`${kind}: ${JSON.stringify(answer)}`)
          return answer.movement.id
        }),
      )
    },
    workToTheEnd,
    async killFor(step, ids) {
      const killLog = join(folder, `kills-${killLogs.length}.jsonl`)
      killLogs.push(killLog)
      const isKilled = (id: string): boolean => readKills(killLog).some((kill) => kill.ids.includes(id))
      while (!ids.every(isKilled)) {
        const { program } = await start('worker', [step], killLog)
        if (!(await diesFirst(program))) throw new Error(`all is over, and ${step} was not passed`)
        await expectKilled(program)
      }
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
    kills: () => killLogs.flatMap(readKills),
    gateways,
    verify: () =>
      verify({
        sql,
        redis,
        prefix,
        maxRetries: MAX_RETRIES,
        settled: true,
        ledger: readLedgers(gateways.map(({ ledgerPath }) => ledgerPath)),
      }),
    async close() {
      await endAll()
      await Promise.all(gateways.map(({ simulator }) => simulator.close()))
      redis.destroy()
      await sql.end({ timeout: 1 })
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
