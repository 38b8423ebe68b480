import type { TestProject } from 'vitest/node'
import { providePostgres, provideRedis, type ProvidedServer } from '@titan/servers'

declare module 'vitest' {
  /** What a test run provides: `inject('databaseUrl')`, `inject('redisUrl')`. */
  interface ProvidedContext {
    readonly databaseUrl: string
    readonly redisUrl: string
  }
}

const servers: ProvidedServer[] = []

/** Starts one PostgreSQL and one Redis for the whole test run, unless `DATABASE_URL` or `REDIS_URL` is set. */
export async function setup(project: TestProject): Promise<void> {
  const postgres = start(providePostgres())
  const redis = start(provideRedis())
  await Promise.allSettled([postgres, redis])
  try {
    project.provide('databaseUrl', (await postgres).url)
    project.provide('redisUrl', (await redis).url)
  } catch (error) {
    await teardown()
    throw error
  }
}

/** Stops what `setup` started. */
export async function teardown(): Promise<void> {
  for (const server of servers.splice(0).toReversed()) await server.stop()
}

async function start(starting: Promise<ProvidedServer>): Promise<ProvidedServer> {
  const server = await starting
  servers.push(server)
  return server
}
