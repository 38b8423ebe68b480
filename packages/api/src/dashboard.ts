import { createDashboard, type Authorize, type Dashboard } from '@titan/dashboard'
import { openDatabase, PAYMENTS_QUEUE, type KnownGateways } from '@titan/payments'
import { createInspector, createQueue, type RedisClient } from '@titan/queue-core'
import { isOutage } from '@titan/service'
import { WEBHOOKS_QUEUE } from '@titan/webhooks'
import type { ApiOptions } from './api.ts'
import type { Authenticator } from './keys/authenticator.ts'
import { Problem } from './problem.ts'
import { remoteNetwork } from './middleware/remote-address.ts'

/** Opens the dashboard over a small separate pool, which `stop` closes. Without an authenticator everyone may see it. */
export function openDashboard(
  options: Pick<ApiOptions, 'config' | 'dashboard' | 'log' | 'trustedProxies'> & {
    readonly gateways: Pick<KnownGateways, 'lookUp' | 'unmovable'>
  },
  redis: RedisClient,
  authenticator: Authenticator | undefined,
): Dashboard {
  const { config, log, trustedProxies } = options
  const { lookUp, unmovable } = options.gateways
  const { databaseUrl, prefix, partitions } = config
  const pool = { poolSize: 3, applicationName: 'titan-dashboard', statementTimeoutMs: 3_000 }
  const sql = openDatabase(databaseUrl, pool)
  const observe = (name: string, places: { readonly prefix: string; readonly partitions?: number }) => ({
    queue: createQueue(redis, name, places),
    inspector: createInspector(redis, name, places),
  })
  const dashboard = createDashboard({
    sql,
    queues: [observe(PAYMENTS_QUEUE, { prefix, partitions }), observe(WEBHOOKS_QUEUE, { prefix })],
    ...options.dashboard,
    gateways: lookUp,
    unmovable,
    authorize: authenticator && keyOf(authenticator),
    networkOf: (context) => remoteNetwork(context, { trustedProxies, log }),
    isBehindProxy: trustedProxies > 0,
    onRefusedSignIns: ({ count, network }) =>
      log.warn('sign_in.refused', 'dashboard sign-in refused', { count, address: network }),
    onError(error) {
      if (!isOutage(error)) return log.error('dashboard_page.failed', 'dashboard page failed', { error })
      log.warn('dashboard_page.not_served', 'dashboard page not served, dependency unavailable', { error })
    },
  })
  return {
    ...dashboard,
    async stop() {
      await dashboard.stop()
      await lookUp?.close()
      await sql.end({ timeout: 1 })
    },
  }
}

/** The dashboard requires what the API requires: a valid key. */
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
