import { randomBytes } from 'node:crypto'
import { spawnProgram } from '@titan/testkit'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createApiKeyStore } from '@titan/api/keys'
import { afterAll, inject } from 'vitest'

/** Starts `titan-api` with its own database and an API key, and a worker where `more` is given; they end with the test file. */
export async function startApi(more?: Readonly<Record<string, string>>) {
  const { sql, url: databaseUrl } = await createMigratedDatabase()
  const env = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: inject('redisUrl'),
    QUEUE_PREFIX: `test-${randomBytes(6).toString('hex')}`,
    WEBHOOK_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOWED_SUBNETS: '127.0.0.0/8',
    GATEWAY_DELAY_MS: '5',
    ...more,
  }
  const programs = [spawnProgram('api', ['--port=0', '--health-port=0', '--require-api-key'], env)]
  if (more !== undefined) programs.push(spawnProgram('worker', ['--health-port=0'], env))
  afterAll(() => Promise.all(programs.map((program) => program.kill())))
  const [, url = ''] = (await programs[0]?.waitFor(/listens on (\S+)/)) ?? []
  const { token } = await createApiKeyStore(sql).create({ name: 'client', scope: 'admin' })
  return { url, apiKey: token, sql }
}
