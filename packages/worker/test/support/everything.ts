import { openDatabase } from '@titan/payments'
import { createLog, createRedis } from '@titan/service'
import { inject } from 'vitest'

type Env = Readonly<Record<string, string>>

/** Every row of every table. */
export async function readDatabase(env: Env): Promise<string> {
  const sql = openDatabase(env['DATABASE_URL'] ?? '', { poolSize: 1 })
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
export async function readRedis(env: Env): Promise<string> {
  const redis = createRedis(inject('redisUrl'), createLog('test', { logLevel: 'silent', logFormat: 'json' }))
  await redis.connect()
  try {
    const seen: string[] = []
    for (const key of await redis.send<string[]>('', ['KEYS', `${env['QUEUE_PREFIX']}:*`])) {
      const type = await redis.send<string>(key, ['TYPE', key])
      const read: Readonly<Record<string, string[]>> = {
        stream: ['XRANGE', key, '-', '+'],
        hash: ['HGETALL', key],
        zset: ['ZRANGE', key, '0', '-1'],
        set: ['SMEMBERS', key],
        list: ['LRANGE', key, '0', '-1'],
      }
      seen.push(key, JSON.stringify(await redis.send(key, read[type] ?? ['GET', key])))
    }
    return seen.join('\n')
  } finally {
    redis.close()
  }
}
