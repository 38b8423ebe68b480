import type { TestProject } from 'vitest/node'
import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'

declare module 'vitest' {
  /** What the test run provides: `inject('databaseUrl')`, `inject('redisUrl')`. */
  interface ProvidedContext {
    readonly databaseUrl: string
    readonly redisUrl: string
  }
}

let stops: (() => Promise<void>)[] = []

/** Starts one PostgreSQL and one Redis for the whole test run; `DATABASE_URL` and `REDIS_URL` win when set. */
export async function setup(project: TestProject): Promise<void> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
  stops = [postgres.stop, redis.stop]
  project.provide('databaseUrl', postgres.url)
  project.provide('redisUrl', redis.url)
}

/** Stops what `setup` started. */
export async function teardown(): Promise<void> {
  for (const stop of stops.splice(0).toReversed()) await stop()
}
