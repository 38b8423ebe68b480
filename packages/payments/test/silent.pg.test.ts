import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setDefaultCACertificates } from 'node:tls'
import { eventually, TEST_CERTIFICATE, type TcpProxy } from '@titan/testkit'
import { createMigratedDatabase, openTcpProxy } from '@titan/testkit/vitest'
import { expect, inject, onTestFinished, test } from 'vitest'
import {
  createPaymentHandler,
  createPaymentStore,
  createSimulatedGateway,
  openDatabase,
  type Database,
  type DatabaseOptions,
} from '../src/index.ts'
import { createPayment, newKey } from './support/payments.ts'
import { startTlsProxy } from './support/postgres-proxy.ts'

const { url } = await createMigratedDatabase()
const POSTGRES_PORT = Number(new URL(url).port)

/**
 * The server cancels what takes longer, in milliseconds; it is silent for two seconds more before it is given up. What is
 * answered takes less, also on a machine that does much else.
 */
const QUICK: DatabaseOptions = { statementTimeoutMs: 1_500, connectTimeoutMs: 2_000 }
/** No test waits for this long unless a connection is never given up. */
const PATIENT = { timeout: 60_000 }

function urlAt(port: number, parameters = '', host = '127.0.0.1'): string {
  const through = new URL(url)
  through.host = `${host}:${port}`
  return `${through.href}${parameters}`
}

function open(toUrl: string, options: DatabaseOptions): Database {
  const pool = openDatabase(toUrl, options)
  onTestFinished(() => pool.end({ timeout: 0 }))
  return pool
}

/** Opens that many connections of a pool. */
async function warm(sql: Database, connections: number): Promise<void> {
  await Promise.all(Array.from({ length: connections }, () => sql`select pg_sleep(0.05)`))
}

/** Silences the open connections, not new ones. */
async function silence(proxy: TcpProxy): Promise<void> {
  await proxy.set({ type: 'silence' })
  await proxy.set()
}

// F121 open connections to PostgreSQL fall silent, all or some, idle or in the middle of an answer, plain or
//  over TLS; new ones are served: a statement fails seconds after the longest it may run, idle connections
//  are dropped with it, and the next statement is served
test('a statement on a connection that fell silent fails, and the next one is served', PATIENT, async () => {
  const proxy = await openTcpProxy(url)
  const sql = open(urlAt(proxy.port), { ...QUICK, poolSize: 1 })
  await warm(sql, 1)
  await silence(proxy)
  await expect(sql`select 1`).rejects.toMatchObject({
    code: 'ETIMEDOUT',
    message: `PostgreSQL at 127.0.0.1:${proxy.port} gave no answer within 3500 ms`,
  })
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
})

test(
  // F121
  'idle connections that fell silent with it cost no further statement the same wait',
  PATIENT,
  async () => {
    const proxy = await openTcpProxy(url)
    const sql = open(urlAt(proxy.port), { ...QUICK, poolSize: 8 })
    await warm(sql, 8)
    await silence(proxy)
    await expect(sql`select 1`).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    for (let n = 0; n < 8; n++) expect(await sql`select ${n}::int as n`).toEqual([{ n }])
  },
)

// F121
test('payments are stored again after the connections of both batches fell silent', PATIENT, async () => {
  const proxy = await openTcpProxy(url)
  const sql = open(urlAt(proxy.port), { ...QUICK, poolSize: 10 })
  await warm(sql, 10)
  const store = createPaymentStore(sql)
  await silence(proxy)
  const create = (): Promise<unknown> => store.create({ amount: 1, idempotencyKey: newKey() })
  const lost = [create()]
  await new Promise((resolve) => setTimeout(resolve, 50))
  lost.push(create())
  const waiting = Promise.allSettled(Array.from({ length: 20 }, create))
  const ends = await Promise.allSettled(lost)
  expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await waiting
  expect(await create()).toMatchObject({ kind: 'created' })
})

test('statements that wait behind one on a silent connection fail with it', PATIENT, async () => {
  const proxy = await openTcpProxy(url)
  const sql = open(urlAt(proxy.port), { ...QUICK, poolSize: 1 })
  await warm(sql, 1)
  await silence(proxy)
  const ends = await Promise.allSettled(Array.from({ length: 5 }, () => sql`select 1`))
  expect(ends.map(({ status }) => status)).toEqual(Array(5).fill('rejected'))
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
})

test('a transaction on a connection that fell silent fails', PATIENT, async () => {
  const proxy = await openTcpProxy(url)
  const sql = open(urlAt(proxy.port), { ...QUICK, poolSize: 2 })
  await warm(sql, 2)
  const changed = sql.begin(async (transaction) => {
    await transaction`select 1`
    await silence(proxy)
    await transaction`select 2`
  })
  await expect(changed).rejects.toThrow()
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
})

/** A server that hands each connection to `serve`; it ends with the test. */
async function listen(serve: (near: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    sockets.add(near.on('error', () => undefined))
    serve(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

// F121
test('an answer that stops in its middle is given up', PATIENT, async () => {
  let rest = 20_000
  const port = await listen((near) => {
    const far = connect(POSTGRES_PORT, '127.0.0.1').on('error', () => undefined)
    near.pipe(far)
    near.on('close', () => far.destroy())
    far.on('data', (bytes: Buffer) => {
      if (rest > 0) near.write(bytes.subarray(0, rest))
      rest -= bytes.length
      if (rest < -1_000_000) rest = Infinity
    })
  })
  const sql = open(urlAt(port), { ...QUICK, poolSize: 1 })
  await expect(sql`select repeat('x', 1500000) as long`).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
})

test('what the server is still working on is not given up', PATIENT, async () => {
  const sql = open(url, { statementTimeoutMs: 0, poolSize: 1 })
  expect(await sql`select pg_sleep(3), 1 as one`).toMatchObject([{ one: 1 }])
  const short = open(url, { ...QUICK, poolSize: 1 })
  // The server's own limit comes first, and the connection stays.
  const [before] = await short`select pg_backend_pid() as pid`
  await expect(short`select pg_sleep(5)`).rejects.toMatchObject({ code: '57014' })
  // Nothing is owed, so that it may be silent for as long as it likes.
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  expect(await short`select pg_backend_pid() as pid`).toEqual([before])
})

test(
  // F122 a PostgreSQL that accepts connections and says nothing, that refuses, or that lacks the TLS that was
  //  asked for: each statement fails in time, and the pool serves the first one after it
  'a server that accepts and says nothing fails each statement, and the first after it is served',
  PATIENT,
  async () => {
    let isSilent = true
    const port = await listen((near) => {
      if (isSilent) return
      const far = connect(POSTGRES_PORT, '127.0.0.1').on('error', () => undefined)
      near.pipe(far).pipe(near)
      near.on('close', () => far.destroy())
    })
    const sql = open(urlAt(port), { ...QUICK, poolSize: 2 })
    for (let n = 0; n < 3; n++)
      await expect(sql`select 1`).rejects.toMatchObject({
        code: 'CONNECT_TIMEOUT',
        message: `write CONNECT_TIMEOUT 127.0.0.1:${port}`,
      })
    isSilent = false
    await eventually(async () => expect(await sql`select 1 as one`).toEqual([{ one: 1 }]))
  },
)

// F122
test('a server that refuses fails each statement, and does not stop the pool', PATIENT, async () => {
  const proxy = await openTcpProxy(url)
  await proxy.close()
  const sql = open(urlAt(proxy.port), { ...QUICK, poolSize: 2 })
  for (let n = 0; n < 4; n++) await expect(sql`select 1`).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('a pool that is closed leaves no connection open to a server that fell silent', PATIENT, async () => {
  const open = new Set<Socket>()
  const port = await listen((near) => {
    open.add(near)
    near.on('close', () => open.delete(near))
    const far = connect(POSTGRES_PORT, '127.0.0.1').on('error', () => undefined)
    // A server that hears the end and does not answer it.
    near.pipe(far, { end: false })
    far.pipe(near, { end: false })
    near.allowHalfOpen = true
  })
  const sql = openDatabase(urlAt(port), { ...QUICK, poolSize: 3 })
  await warm(sql, 3)
  expect(open.size).toBe(3)
  await sql.end({ timeout: 0 })
  await eventually(() => {
    // Refused as soon as the other end is closed.
    for (const near of open) near.write('x')
    return open.size === 0
  })
})

// F121
test('over TLS a connection that fell silent is given up as well', PATIENT, async () => {
  const proxy = await startTlsProxy(url)
  const sql = open(urlAt(proxy.port, '?sslmode=require'), { ...QUICK, poolSize: 4 })
  await warm(sql, 4)
  await silence(proxy)
  await expect(sql`select 1`).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  for (let n = 0; n < 4; n++) expect(await sql`select ${n}::int as n`).toEqual([{ n }])
})

// F122
test('TLS checks the name that was asked for', PATIENT, async () => {
  const proxy = await startTlsProxy(url)
  const verified = (host: string): Database =>
    open(urlAt(proxy.port, '?sslmode=verify-full', host), { ...QUICK, poolSize: 1 })
  for (let n = 0; n < 2; n++)
    await expect(verified('127.0.0.1')`select 1`).rejects.toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    })
  setDefaultCACertificates([TEST_CERTIFICATE])
  for (const host of ['127.0.0.1', 'localhost'])
    expect(await verified(host)`select 1 as one`).toEqual([{ one: 1 }])
  const other = verified('127.0.0.2')
  for (let n = 0; n < 2; n++)
    await expect(other`select 1`).rejects.toMatchObject({
      code: expect.stringMatching(/ERR_TLS_CERT_ALTNAME_INVALID|ECONNREFUSED/),
    })
})

// F122
test('a server without TLS is used only where it may be', PATIENT, async () => {
  expect(await open(`${url}?sslmode=prefer`, { ...QUICK, poolSize: 1 })`select 1 as one`).toEqual([
    { one: 1 },
  ])
  const strict = open(`${url}?sslmode=require`, { ...QUICK, poolSize: 1 })
  for (let n = 0; n < 2; n++)
    await expect(strict`select 1`).rejects.toThrow(
      `PostgreSQL at ${new URL(inject('databaseUrl')).host} does not offer TLS, which sslmode=require requires`,
    )
})

// F123
test('work that hangs is given up, and shows until it ends, without a charge', PATIENT, async () => {
  const store = createPaymentStore(open(url, { poolSize: 2 }))
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { id } = await createPayment(store)
  const handle = createPaymentHandler({
    store: {
      ...store,
      async claim(...given) {
        await released
        return store.claim(...given)
      },
    },
    gateway,
    gatewayTimeoutMs: 100,
    leaseMs: 2_100,
    giveUpAfterMs: 2_200,
  })
  const job = { id, data: { payment_id: id } }
  const handled = handle(job, { signal: new AbortController().signal })
  expect(handle.isStuck()).toBe(false)
  await expect(handled).rejects.toThrow('the work on the payment has not ended within 2200 ms')
  expect(handle.isStuck()).toBe(true)
  release()
  await eventually(() => expect(handle.isStuck()).toBe(false))
  expect(gateway.requests).toHaveLength(0)
})
