import { createDashboard, type Authorize, type Dashboard, type DashboardConfig } from '@titan/dashboard'
import { openDatabase, PAYMENTS_QUEUE, type Gateway, type StoreConfig } from '@titan/payments'
import { createInspector, createQueue, type RedisClient } from '@titan/queue-core'
import { isOutage, type Log } from '@titan/service'
import { WEBHOOKS_QUEUE } from '@titan/webhooks'
import type { Authenticator } from './keys/authenticator.ts'
import { Problem } from './problem.ts'
import { remoteNetwork } from './middleware/remote-address.ts'

/** What the dashboard of the API works with. */
export interface ApiDashboardOptions extends DashboardConfig {
  readonly config: StoreConfig
  readonly redis: RedisClient
  /** Undefined: everybody may see. */
  readonly authenticator: Authenticator | undefined
  readonly log: Log
  /** Proxies in front that write X-Forwarded-For and X-Forwarded-Host. @default 0 */
  readonly trustedProxies?: number
  /** Asked about open attempts, and closed with the dashboard. */
  readonly gateway?: Gateway | undefined
}

/** A search of a person ends after this long, in milliseconds. */
const STATEMENT_TIMEOUT_MS = 3_000
const POOL_SIZE = 3
const DATABASE_GRACE_S = 1

/** Opens the dashboard over a small pool of its own, which `stop` closes. */
export function openDashboard(options: ApiDashboardOptions): Dashboard {
  const { config, redis, authenticator, adminToken, log, gateway, trustedProxies = 0 } = options
  const { prefix } = config
  const sql = openDatabase(config.databaseUrl, {
    poolSize: POOL_SIZE,
    applicationName: 'titan-dashboard',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  })
  const observe = (name: string) => ({
    queue: createQueue(redis, name, { prefix }),
    inspector: createInspector(redis, name, { prefix }),
  })
  const dashboard = createDashboard({
    sql,
    queues: [observe(PAYMENTS_QUEUE), observe(WEBHOOKS_QUEUE)],
    adminToken,
    gateway,
    authorize: authenticator && keyOf(authenticator),
    networkOf: (context) => remoteNetwork(context, { trustedProxies, log }),
    isBehindProxy: trustedProxies > 0,
    onRefusedSignIns: ({ count, network }) =>
      log.warn('sign_in.refused', 'dashboard sign-in refused', { count, address: network }),
    onError: (error) =>
      isOutage(error)
        ? log.warn('dashboard_page.not_served', 'dashboard page not served, dependency unavailable', {
            error,
          })
        : log.error('dashboard_page.failed', 'dashboard page failed', { error }),
  })
  return {
    ...dashboard,
    async stop() {
      await dashboard.stop()
      await gateway?.close?.()
      await sql.end({ timeout: DATABASE_GRACE_S })
    },
  }
}

/** The dashboard requires what the API requires: a valid key, each of which may read. */
function keyOf(authenticator: Authenticator): Authorize {
  return async (authorization) => {
    try {
      return await authenticator.authenticate(authorization)
    } catch (error) {
      if (error instanceof Problem) return undefined
      throw error
    }
  }
}
