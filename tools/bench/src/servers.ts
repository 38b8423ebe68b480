import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { startPostgres, startRedis, type RedisServer } from '@titan/servers'
import { createClient, type RedisClientType } from 'redis'
import type { Context } from './scenario.ts'

/** The client this library works with. */
export type Redis = RedisClientType

/** A Redis of a scenario's own, and a client for its bookkeeping. */
export interface BenchRedis {
  readonly server: RedisServer
  readonly client: Redis
  /** Removes all data, so that every round begins alike. */
  empty(): Promise<void>
  /** A number that `INFO` tells, such as `used_memory`. */
  info(section: string, field: string): Promise<number>
}

/** Starts a Redis without persistence, unless `args` say otherwise. */
export async function openRedis(context: Context, args: readonly string[] = []): Promise<BenchRedis> {
  const server = await startRedis({ args })
  context.defer(() => server.stop())
  const client = await connect(server.url)
  context.defer(() => client.close())
  return {
    server,
    client,
    empty: async () => void (await client.flushAll('SYNC')),
    async info(section, field) {
      const text = await client.info(section)
      return Number(new RegExp(`^${field}:(\\S+)`, 'm').exec(text)?.[1])
    },
  }
}

/** Connects a client; the caller closes it. */
export async function connect(url: string): Promise<Redis> {
  const client: Redis = createClient({ url })
  client.on('error', (error) => console.error(error))
  await client.connect()
  return client
}

/** Starts a PostgreSQL that trades durability for speed, like the Redis without persistence. */
export async function openPostgres(context: Context): Promise<string> {
  const server = await startPostgres()
  context.defer(() => server.stop())
  return server.url
}

/** A PostgreSQL of a scenario's own. */
export type BenchPostgres = Awaited<ReturnType<typeof startPostgres>>

/** Starts a PostgreSQL that keeps what it has committed, as payments need it. */
export async function openDurablePostgres(context: Context): Promise<BenchPostgres> {
  const dataDir = mkdtempSync(join(tmpdir(), 'titan-bench-postgres-'))
  context.defer(async () => rmSync(dataDir, { recursive: true }))
  const server = await startPostgres({ dataDir })
  context.defer(() => server.stop())
  return server
}

/** Finds the `redis-benchmark` next to a server's program, and the environment it needs; undefined where there is none. */
export async function findRedisBenchmark(
  redis: BenchRedis,
): Promise<{ command: string; env: NodeJS.ProcessEnv } | undefined> {
  const text = await redis.client.info('server')
  const executable = /^executable:(\S+)/m.exec(text)?.[1]
  if (executable === undefined) return undefined
  const command = join(dirname(executable), 'redis-benchmark')
  if (!existsSync(command)) return undefined
  // A server that was unpacked, not installed, has its libraries next to it.
  const libraries = join(dirname(executable), '..', 'lib')
  const folders = existsSync(libraries) ? readdirSync(libraries, { withFileTypes: true }) : []
  const path = [
    libraries,
    ...folders.filter((entry) => entry.isDirectory()).map(({ name }) => join(libraries, name)),
  ]
  const inherited = process.env['LD_LIBRARY_PATH']
  return {
    command,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: [...path, ...(inherited === undefined ? [] : [inherited])].join(':'),
    },
  }
}
