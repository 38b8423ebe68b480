import { randomBytes } from 'node:crypto'
import { eventually } from '@titan/local/testing'
import { openDatabase } from '@titan/payments'
import { closeRedis, createLog, createRedis } from '@titan/program'
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest'
import { isReady, openRig, PATIENT, type Rig } from './support/rig.ts'
import { spawnProgram } from './support/spawn.ts'

/** A number that passes for that of a card; nobody has it. */
const CARD = '4111111111111111'
const SPELLINGS = [CARD, '4111 1111 1111 1111', '4111-1111-1111-1111']
const SECRET = `sk_live_canary_${randomBytes(12).toString('hex')}`
const ENCRYPTION_KEY = randomBytes(32).toString('base64')

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterAll(() => rig.close())

/** Sends the canaries through whatever a client can fill in. */
async function sendEverywhere(url: string): Promise<number[]> {
  const json = { 'content-type': 'application/json' }
  const post = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}/pay`, {
      method: 'POST',
      headers: { ...json, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const requests = SPELLINGS.flatMap((card) => [
    post({ amount: 500, idempotency_key: card }),
    post({ amount: 500, idempotency_key: `order-${card}` }),
    post({ amount: 500, idempotency_key: 'a', currency: card }),
    post({ amount: card, idempotency_key: 'b' }),
    post({ amount: 500, idempotency_key: 'c', card_number: card, secret: SECRET }),
    post({ amount: 500 }, { 'idempotency-key': card }),
    post(`{"amount":500,"idempotency_key":"${card}`),
    post(
      { amount: 500, idempotency_key: randomBytes(8).toString('hex') },
      { 'user-agent': card, cookie: SECRET },
    ),
    post({ amount: 500, idempotency_key: 'd' }, { 'x-request-id': card, traceparent: card, referer: SECRET }),
    fetch(`${url}/payments/${encodeURIComponent(card)}`),
    fetch(`${url}/payments?status=${encodeURIComponent(card)}&idempotency_key=${encodeURIComponent(card)}`),
    fetch(`${url}/${encodeURIComponent(card)}?key=${SECRET}`),
    fetch(`${url}/payments`, { headers: { authorization: `Bearer ${SECRET}`, 'x-api-key': SECRET } }),
  ])
  return (await Promise.all(requests)).map(({ status }) => status)
}

/** Every row of every table. */
async function readDatabase(): Promise<string> {
  const sql = openDatabase(rig.env['DATABASE_URL'] ?? '', { poolSize: 1 })
  try {
    const tables = await sql<{ name: string }[]>`
      select tablename as name from pg_tables where schemaname = 'public'`
    const rows: string[] = []
    for (const { name } of tables)
      for (const { row } of await sql<{ row: string }[]>`select t::text as row from ${sql(name)} t`)
        rows.push(row)
    return rows.join('\n')
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Every value of every key, as the server holds it. */
async function readRedis(): Promise<string> {
  const redis = createRedis(inject('redisUrl'), createLog('test', { logLevel: 'silent', logFormat: 'json' }))
  await redis.connect()
  try {
    const seen: string[] = []
    for await (const keys of redis.scanIterator({ MATCH: `${rig.env['QUEUE_PREFIX']}:*` }))
      for (const key of keys) {
        const type = await redis.type(key)
        const read: Readonly<Record<string, string[]>> = {
          stream: ['XRANGE', key, '-', '+'],
          hash: ['HGETALL', key],
          zset: ['ZRANGE', key, '0', '-1'],
          set: ['SMEMBERS', key],
          list: ['LRANGE', key, '0', '-1'],
        }
        seen.push(key, JSON.stringify(await redis.sendCommand(read[type] ?? ['GET', key])))
      }
    return seen.join('\n')
  } finally {
    closeRedis(redis)
  }
}

it(
  'a card number and a secret that clients send are nowhere: not in logs, PostgreSQL or Redis',
  { timeout: 180_000 },
  async () => {
    const env = {
      ...rig.env,
      LOG_LEVEL: 'debug',
      WEBHOOK_ENCRYPTION_KEY: ENCRYPTION_KEY,
      GATEWAY_DELAY_MS: '1',
    }
    const api = spawnProgram('api', ['--port', '0'], env)
    const worker = spawnProgram('worker', ['--consumer', 'c1'], env)
    onTestFinished(() => {
      api.process.kill()
      worker.process.kill()
    })
    await Promise.all([isReady(api), isReady(worker)])
    const url = /http:\S+/.exec(api.stdout())?.[0] ?? ''

    const statuses = await sendEverywhere(url)
    expect(statuses.filter((status) => status === 202).length).toBeGreaterThan(0)
    expect(statuses.filter((status) => status >= 500)).toEqual([])
    const id = await rig.create(`canary-${randomBytes(4).toString('hex')}`)
    await rig.reaches(id, 'SUCCESS', 'FAILED')
    await eventually(() => worker.stderr().includes(id), PATIENT)

    const places = {
      'log of the API': api.stdout() + api.stderr(),
      'log of the worker': worker.stdout() + worker.stderr(),
      PostgreSQL: await readDatabase(),
      Redis: await readRedis(),
    }
    // What is looked through is there at all.
    expect(places.PostgreSQL).toContain(id)
    expect(places.Redis).toContain(id)
    for (const [place, text] of Object.entries(places))
      for (const canary of [...SPELLINGS, encodeURIComponent(SPELLINGS[1] ?? ''), SECRET, ENCRYPTION_KEY])
        expect(text.includes(canary), `${canary} in the ${place}`).toBe(false)
  },
)
