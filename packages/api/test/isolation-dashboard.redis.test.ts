import { createTestDatabase, testPrefix } from '@titan/testkit'
import { DASHBOARD_PATH } from '@titan/dashboard'
import { acceptingSettings, migrate, openDatabase } from '@titan/payments'
import { createLog, createRedis } from '@titan/service'
import { Hono } from 'hono'
import { afterAll, expect, inject, it } from 'vitest'
import { openDashboard } from '../src/dashboard.ts'
import { createApiKeyStore, type ApiKeyScope } from '../src/keys/api-key.ts'
import { createAuthenticator } from '../src/keys/authenticator.ts'

const database = await createTestDatabase(inject('databaseUrl'))
const sql = openDatabase(database.url, { poolSize: 2 })
await migrate(sql)
await sql`insert into accounts (id, name) values ('north', 'North')`
const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })
const redis = createRedis(inject('redisUrl'), log)
await redis.connect()
const keys = createApiKeyStore(sql)
const dashboard = openDashboard(
  {
    config: acceptingSettings.read({
      environment: { DATABASE_URL: database.url, REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: testPrefix() },
    }),
    dashboard: { adminToken: undefined },
    gateways: { lookUp: undefined, unmovable: [] },
    trustedProxies: 0,
    log,
  },
  redis.client,
  createAuthenticator(keys, log),
)
const app = new Hono().route(DASHBOARD_PATH, dashboard.app)
afterAll(async () => {
  await dashboard.stop()
  redis.close()
  await sql.end({ timeout: 1 })
  await database.drop()
})

async function tokenOf(account: string, scope: ApiKeyScope): Promise<string> {
  return (await keys.create({ name: account, scope, account })).token
}

async function answerTo(method: string, path: string, token: string): Promise<readonly [number, string]> {
  const headers = { authorization: `Bearer ${token}`, origin: 'http://localhost', host: 'localhost' }
  const response = await app.request(path, { method, headers })
  return [response.status, await response.text()]
}

const UNKNOWN = `titan_0123456789abcdef_${'x'.repeat(43)}`
/** Every page and act of the dashboard, and none of those that anybody reaches. */
const routes = dashboard.app.routes
  .filter(({ method, path }) => method !== 'ALL' && !/^\/(sign-|assets\/)/.test(path))
  .map(({ method, path }) => ({ method, path: `${DASHBOARD_PATH}${path.replaceAll(/:\w+|\*/g, 'pay_1')}` }))

it('opens no page to a key of another account than default, whatever its scope', async () => {
  expect(routes.length).toBeGreaterThan(20)
  for (const scope of ['read', 'admin'] as const) {
    const [north, own] = [await tokenOf('north', scope), await tokenOf('default', scope)]
    for (const { method, path } of routes) {
      const refused = await answerTo(method, path, UNKNOWN)
      expect(await answerTo(method, path, north), `${method} ${path}`).toEqual(refused)
      expect(refused[0]).toBeGreaterThanOrEqual(401)
      if (method === 'GET' && scope === 'admin')
        expect((await answerTo(method, path, own))[0], `${method} ${path}`).not.toBe(refused[0])
    }
  }
})

it('signs in nobody with such a key', async () => {
  const signIn = (secret: string) =>
    app.request(`${DASHBOARD_PATH}/sign-in`, {
      method: 'POST',
      headers: {
        origin: 'http://localhost',
        host: 'localhost',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ name: 'North', secret }),
    })
  const [unknown, north] = [await signIn(UNKNOWN), await signIn(await tokenOf('north', 'admin'))]
  expect([north.status, await north.text()]).toEqual([unknown.status, await unknown.text()])
  expect(north.status).toBe(403)
  expect((await signIn(await tokenOf('default', 'admin'))).status).toBe(303)
})
