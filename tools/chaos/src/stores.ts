import { openDatabase, type Database } from '@titan/payments'
import type { Redis } from '@titan/service'
import { createClient } from 'redis'
import type { Fleet } from './fleet.ts'

/** Opens ways to both servers of a fleet past the proxies, for as long as the work takes. */
export async function withStores<Value>(
  { postgres, redis: server }: Fleet,
  work: (sql: Database, redis: Redis) => Promise<Value>,
): Promise<Value> {
  const sql = openDatabase(postgres.urlAt(postgres.port() ?? 0), {
    poolSize: 2,
    keyedPlans: false,
    statementTimeoutMs: 0,
  })
  const redis: Redis = createClient({ url: `redis://127.0.0.1:${server.port()}` })
  try {
    await redis.connect()
    return await work(sql, redis)
  } finally {
    redis.destroy()
    await sql.end({ timeout: 1 })
  }
}
