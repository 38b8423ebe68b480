import { randomBytes } from 'node:crypto'
import { createTestDatabase, testPrefix } from '@titan/testkit'
import { createAudited } from '@titan/dashboard'
import {
  AcceptanceRules,
  type AcceptingGateway,
  type GatewayWebhookReader,
  createPaymentStore,
  createWriteProbe,
  createRelay,
  DEFAULT_RETRY_POLICY,
  gatewayWebhookSettings,
  migrate,
  openDatabase,
  PAYMENTS_QUEUE,
  type Database,
  type PaymentJobs,
  type PaymentStore,
} from '@titan/payments'
import { createQueue } from '@titan/queue-core'
import { createLog, createRedis, type Redis } from '@titan/service'
import { WebhookStore } from '@titan/webhooks'
import { inject } from 'vitest'
import type { AccessOptions } from '../../src/middleware/access.ts'
import { createApp, type AppOptions } from '../../src/app.ts'
import { createAuthenticator } from '../../src/keys/authenticator.ts'
import { createApiKeyStore, type ApiKeyStore } from '../../src/keys/api-key.ts'
import { openLists, type ListsOptions } from '../../src/lists.ts'
import { recordStatements } from './recorded.ts'
import { RequestSlots } from '../../src/middleware/request-slots.ts'

/** The whole API without a socket, with a separate database and key prefix. */
export interface TestApi {
  readonly sql: Database
  readonly store: PaymentStore
  readonly webhooks: WebhookStore
  readonly keys: ApiKeyStore
  readonly acceptance: AcceptanceRules | undefined
  readonly redis: Redis
  /** The application itself, to be served on a socket. */
  readonly fetch: (request: Request) => Response | Promise<Response>
  /** Every route that is mounted, with its middleware. */
  readonly routes: readonly { readonly method: string; readonly path: string }[]
  request(path: string, init?: RequestInit): Promise<Response>
  /** `POST /pay` with a JSON body: an object, or text as it is. */
  pay(body: unknown, headers?: Record<string, string>): Promise<Response>
  /** How many payments there are. */
  count(): Promise<number>
  close(): Promise<void>
}

/** Addresses other than the test run's own, and shorter patience. */
export interface TestApiOptions {
  readonly through?: (databaseUrl: string) => Promise<string>
  readonly redisUrl?: string
  readonly requestTimeoutMs?: number
  readonly maxInFlight?: number
  /** Whether an API key is asked for. @default false */
  readonly withKeys?: boolean
  /** Limits. @default none */
  readonly access?: Omit<AccessOptions, 'authenticator'>
  /** What gateways sign their webhooks with: `STRIPE_WEBHOOK_SECRET`. @default none are taken */
  readonly gatewaySecrets?: Readonly<Record<string, string>>
  /** Readers of further gateways' webhooks. @default none */
  readonly readers?: readonly GatewayWebhookReader[]
  /** Returns the readers of accounts' own credentials. @default none */
  readonly readersOf?: NonNullable<AppOptions['gatewayWebhooks']>['readersOf']
  /** The gateways that can be called from the API. @default none */
  readonly actions?: AppOptions['actions']
  /** The gateways of the workers. @default unknown */
  readonly gateways?: readonly AcceptingGateway[]
  /** Reads lists over a separate pool, as the program does. @default the pool that accepts payments */
  readonly lists?: ListsOptions
  /** Called with the text of each statement that answers a request. @default they are not recorded */
  readonly onStatement?: (text: string) => void
  /** Changes the store of the routes: for tests that plant a fault. @default as it is */
  readonly changed?: (store: PaymentStore) => PaymentStore
  /** Whether outgoing webhooks are set up. @default true */
  readonly withWebhooks?: boolean
}

function withLists(
  url: string,
  options: ListsOptions | undefined,
): { readonly lists?: ReturnType<typeof openLists> } {
  return options === undefined ? {} : { lists: openLists(url, options) }
}

function postOf(body: unknown, headers: Record<string, string>): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }
}

function applied(change: TestApiOptions['changed'], store: PaymentStore): PaymentStore {
  return change === undefined ? store : change(store)
}

async function countPayments(sql: Database): Promise<number> {
  const [row] = await sql<{ total: number }[]>`select count(*) as total from payments`
  return row?.total ?? Number.NaN
}

function ownReaders(
  environment: TestApiOptions['gatewaySecrets'] = {},
  readers: TestApiOptions['readers'] = [],
): readonly GatewayWebhookReader[] {
  return [...gatewayWebhookSettings.read({ environment }), ...readers]
}

/** It marks payments in the background and answers no request: its statements are not recorded. */
function openRelay(sql: Database, redis: Redis) {
  const queue = createQueue<PaymentJobs>(redis.client, PAYMENTS_QUEUE, { prefix: testPrefix() })
  return createRelay({ store: createPaymentStore(sql), queue })
}

/** Opens the API on real servers. */
export async function openTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const {
    through = async (url) => url,
    redisUrl = inject('redisUrl'),
    withWebhooks = true,
    withKeys = false,
    access = {},
    gatewaySecrets,
    readers,
    readersOf,
    maxInFlight = 1_000,
    lists: listsOptions,
    onStatement,
    changed,
    gateways,
    ...limits
  } = options
  const database = await createTestDatabase(inject('databaseUrl'))
  const direct = openDatabase(database.url, { poolSize: 2 })
  await migrate(direct)
  const pool = openDatabase(await through(database.url), { poolSize: 5, connectTimeoutMs: 1_000 })
  const sql = recordStatements(pool, onStatement)
  const store = createPaymentStore(sql)
  const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })
  const redis = createRedis(redisUrl, log)
  redis.connect().catch(() => undefined)
  const relay = openRelay(pool, redis)
  const webhooks = new WebhookStore(sql, { encryptionKeys: [randomBytes(32)] })
  const keys = createApiKeyStore(direct)
  const lists = withLists(database.url, listsOptions)
  const acceptance = gateways && new AcceptanceRules(gateways, createPaymentStore(direct).routes)
  const app = createApp({
    payments: applied(changed, store),
    relay,
    gatewayWebhooks: {
      gateways: ownReaders(gatewaySecrets, readers),
      readersOf,
      policy: DEFAULT_RETRY_POLICY,
    },
    access: {
      authenticator: withKeys ? createAuthenticator(createApiKeyStore(sql), log) : undefined,
      ...access,
    },
    webhooks: withWebhooks ? webhooks : undefined,
    audited: createAudited(sql),
    probes: { postgres: createWriteProbe(sql), redis: () => redis.isWritable(), isDraining: () => false },
    ...lists,
    acceptance,
    log,
    slots: new RequestSlots(maxInFlight),
    ...limits,
  })
  const request = async (path: string, init?: RequestInit): Promise<Response> => app.request(path, init)
  return {
    sql: direct,
    store,
    webhooks,
    keys,
    acceptance,
    redis,
    fetch: app.fetch,
    routes: app.routes,
    request,
    pay: (body, headers = {}) => request('/pay', postOf(body, headers)),
    count: () => countPayments(direct),
    close: async () => {
      await relay.stop()
      redis.close()
      await Promise.all([lists.lists?.close(), sql.end({ timeout: 1 }), direct.end({ timeout: 1 })])
      await database.drop()
    },
  }
}
