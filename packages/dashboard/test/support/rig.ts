import { createAdaptorServer } from '@hono/node-server'
import { createTestDatabase, testPrefix } from '@titan/testkit'
import {
  createPaymentStore,
  migrate,
  openDatabase,
  PAYMENTS_QUEUE,
  type Database,
  type PaymentJobs,
  type PaymentStore,
} from '@titan/payments'
import { createInspector, createQueue, type Queue, type RedisNodeClient } from '@titan/queue-core'
import { Hono } from 'hono'
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createClient } from 'redis'
import { createDashboard, DASHBOARD_PATH, type DashboardOptions, type KeyGrant } from '../../src/index.ts'

/** Long enough, and in no program. */
export const ADMIN_TOKEN = 'the-admin-token-of-the-tests-0123456789'

/** A dashboard on real servers, with a separate database and key prefix. */
export interface Rig {
  readonly sql: Database
  readonly store: PaymentStore
  readonly queue: Queue<PaymentJobs>
  readonly redis: RedisNodeClient
  readonly prefix: string
  /** Where it listens. */
  readonly url: string
  /** Failures that it told of. */
  readonly errors: readonly unknown[]
  /** A request to a path of the dashboard; redirects are not followed. */
  request(path: string, init?: RequestInit): Promise<Response>
  /** The text of a page. */
  page(path: string, cookie?: string): Promise<string>
  /** Ends its connections to the database, as if it were gone. */
  loseDatabase(): Promise<void>
  close(): Promise<void>
}

/** What differs from the usual. */
export interface RigOptions extends Partial<
  Pick<
    DashboardOptions,
    'adminToken' | 'gateways' | 'sampleIntervalMs' | 'networkOf' | 'isBehindProxy' | 'onRefusedSignIns'
  >
> {
  /** Requires an API key to see; see {@link addKey}. @default false */
  readonly requiresKey?: boolean
  readonly databaseUrl: string
  readonly redisUrl: string
}

/** Opens a dashboard on a socket. */
export async function openRig(options: RigOptions): Promise<Rig> {
  const { databaseUrl, redisUrl, requiresKey = false, ...given } = options
  const database = await createTestDatabase(databaseUrl)
  const sql = openDatabase(database.url, { poolSize: 5 })
  await migrate(sql)
  const own = openDatabase(database.url, { poolSize: 3 })
  const redis = createClient({ url: redisUrl })
  redis.on('error', () => undefined)
  await redis.connect()
  const prefix = testPrefix()
  const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix })
  const errors: unknown[] = []
  const dashboard = createDashboard({
    sql: own,
    queues: [{ queue, inspector: createInspector(redis, PAYMENTS_QUEUE, { prefix }) }],
    adminToken: ADMIN_TOKEN,
    onError: (error) => errors.push(error),
    ...(requiresKey && { authorize: (header) => findKey(sql, header) }),
    ...given,
  })
  const server = createAdaptorServer({ fetch: new Hono().route(DASHBOARD_PATH, dashboard.app).fetch })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  dashboard.start()

  const request = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${url}${DASHBOARD_PATH}${path === '/' ? '' : path}`, { redirect: 'manual', ...init })
  return {
    sql,
    store: createPaymentStore(sql),
    queue,
    redis,
    prefix,
    url,
    errors,
    request,
    page: async (path, cookie = '') => (await request(path, { headers: { cookie } })).text(),
    loseDatabase: () => own.end({ timeout: 0 }),
    async close() {
      await dashboard.stop()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        if ('closeAllConnections' in server) server.closeAllConnections()
      })
      await queue.close()
      redis.destroy()
      await Promise.all([sql.end({ timeout: 1 }), own.end({ timeout: 1 })])
      await database.drop()
    },
  }
}

/** Adds an API key, whose token is its id; null is the account `default`. */
export async function addKey(
  rig: Rig,
  id: string,
  scope: 'read' | 'write' | 'admin',
  account: string | null = null,
): Promise<string> {
  await rig.sql`
    insert into api_keys (id, name, secret_hash, scope, account)
    values (${id}::text, 'a shop', ${randomBytes(32)}::bytea, ${scope}::text, ${account}::text)`
  return id
}

async function findKey(sql: Database, header: string | undefined): Promise<KeyGrant | undefined> {
  const id = header?.replace('Bearer ', '') ?? ''
  const [key] = await sql<KeyGrant[]>`
    select id, scope, coalesce(account, 'default') as account from api_keys where id = ${id}::text and revoked_at is null`
  return key
}

/** Signs in; answers the cookie. */
export async function signIn(rig: Rig, secret: string = ADMIN_TOKEN, name = 'Ada'): Promise<string> {
  const response = await post(rig, '/sign-in', { name, secret })
  return response.headers.get('set-cookie')?.split(';')[0] ?? ''
}

/** Sends a form as a browser does from the dashboard's own page. */
export function post(
  rig: Rig,
  path: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return rig.request(path, {
    method: 'POST',
    headers: { origin: rig.url, 'sec-fetch-site': 'same-origin', ...headers },
    body: new URLSearchParams(fields),
  })
}

/** The token of the forms of a session. */
export async function formTokenOf(rig: Rig, cookie: string): Promise<string> {
  return /name="form_token" value="([\w-]+)"/.exec(await rig.page('/', cookie))?.[1] ?? ''
}
