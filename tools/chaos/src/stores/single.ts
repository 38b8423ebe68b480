import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '@titan/payments'
import { startPostgres, startRedis } from '@titan/servers'
import { createClient } from 'redis'
import { launchRestartable } from '../servers.ts'
import type { RedisStore, Store } from './store.ts'

/** Starts PostgreSQL with its data in the folder; it keeps every commit, also when it is killed. */
export async function startPostgresIn(folder: string): Promise<Store> {
  const postgres = await launchRestartable(async () => {
    const server = await startPostgres({ dataDir: join(folder, 'postgres') })
    async function kill(): Promise<void> {
      process.kill(server.pid, 'SIGKILL')
      await server.stop()
    }
    return { ...server, kill }
  })
  const url = new URL(postgres.current()?.url ?? '')

  function urlAt(port: number): string {
    url.port = String(port)
    return url.href
  }

  const urlNow = (): string => urlAt(postgres.port() ?? 0)
  return {
    target: postgres.port,
    urlAt,
    url: urlNow,
    start: postgres.start,
    stop: postgres.stop,
    effects: {
      postgres_restart: ({ signal }) => ({
        begin: () => (signal === 'SIGKILL' ? postgres.kill() : postgres.stop()),
        end: () => postgres.start(),
      }),
      postgres_terminate: () => ({ begin: () => terminateSessions(urlNow()) }),
    },
  }
}

/** Starts Redis with its append-only file in the folder. */
export async function startRedisIn(folder: string): Promise<RedisStore> {
  const dataDir = join(folder, 'redis')
  const redis = await launchRestartable(() => startRedis({ dataDir }))
  const signal = (name: NodeJS.Signals): void => {
    const pid = redis.current()?.pid
    if (pid !== undefined) process.kill(pid, name)
  }
  const urlAt = (port: number): string => `redis://127.0.0.1:${port}`
  const urlNow = (): string => urlAt(redis.port() ?? 0)
  return {
    target: redis.port,
    urlAt,
    url: urlNow,
    partitions: 1,
    start: redis.start,
    stop: redis.stop,
    effects: {
      redis_kill: ({ lose }) => ({
        async begin() {
          await redis.kill()
          if (lose) rmSync(join(dataDir, 'appendonlydir'), { recursive: true, force: true })
        },
        end: () => redis.start(),
      }),
      redis_flush: () => ({ begin: () => flush(urlNow()) }),
      redis_stop: () => ({ begin: () => signal('SIGSTOP'), end: () => signal('SIGCONT') }),
    },
  }
}

async function flush(url: string): Promise<void> {
  const client = createClient({ url })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.flushAll()
  } finally {
    client.destroy()
  }
}

/** Ends every connection of the programs from the side of PostgreSQL. */
export async function terminateSessions(url: string): Promise<void> {
  const sql = openDatabase(url, { poolSize: 1 })
  try {
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'titan-%'`
  } finally {
    await sql.end({ timeout: 1 })
  }
}
