import { startPostgres, type PostgresOptions } from './postgres.ts'
import { startRedis, type RedisOptions } from './redis.ts'

/** A server to work with, whoever runs it. */
export interface ProvidedServer {
  readonly url: string
  /** One line for people: what it is and where it comes from. */
  readonly description: string
  /** Ends what was started here; a server of the user's own stays. Idempotent. */
  stop(): Promise<void>
}

/** The PostgreSQL that `DATABASE_URL` names, else a private one. */
export async function providePostgres(
  options: PostgresOptions = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<ProvidedServer> {
  const url = env['DATABASE_URL']
  if (url) return { url, description: 'PostgreSQL from DATABASE_URL', async stop() {} }
  const server = await startPostgres(options)
  return {
    url: server.url,
    description: `PostgreSQL 18 on port ${server.port}`,
    stop: async () => await server.stop(),
  }
}

/** The Redis that `REDIS_URL` names, else a private one. */
export async function provideRedis(
  options: RedisOptions = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<ProvidedServer> {
  const url = env['REDIS_URL']
  if (url) return { url, description: 'Redis from REDIS_URL', async stop() {} }
  const server = await startRedis(options)
  return {
    url: server.url,
    description: `${server.product} ${server.version} on port ${server.port}`,
    stop: async () => await server.stop(),
  }
}
