import { createServer, type AddressInfo } from 'node:net'
import { createTestDatabase, eventually, testPrefix, type TestDatabase } from '@titan/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { killSpawned, spawnProgram, type SpawnedProgram } from '@titan/testkit'

let database: TestDatabase
let env: Record<string, string>
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'))
  env = { DATABASE_URL: database.url, REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: testPrefix(), PORT: '0' }
})
afterEach(killSpawned)
afterAll(() => database.drop())

/** Waits for the line that tells the URL. */
async function urlOf(program: SpawnedProgram): Promise<string> {
  return eventually(
    () => {
      const [, url] = /^titan-api listens on (http:\/\/\S+)$/m.exec(program.stdout()) ?? []
      if (url === undefined) throw new Error(`does not listen: ${program.stderr()}`)
      return url
    },
    { timeoutMs: 60_000 },
  )
}

function pay(url: string, key: string): Promise<Response> {
  return fetch(`${url}/pay`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ amount: 500, idempotency_key: key }),
  })
}

describe('titan-api', { timeout: 120_000 }, () => {
  it('prints its help with every flag and its variable', async () => {
    const program = spawnProgram('api', ['--help'])

    expect(await program.exited).toEqual({ code: 0, signal: null })
    for (const text of [
      '--port',
      '[PORT]',
      '--host',
      '--database-url',
      '[REDIS_URL, REDIS_ADDR]',
      '--[no-]migrate',
      '--[no-]require-api-key',
      '[RATE_LIMIT_PER_MINUTE]',
    ]) {
      expect(program.stdout()).toContain(text)
    }
  })

  // F251 an API without keys is configured to listen on every address: it does not start, and says what to set
  it('refuses to serve others without API keys, unless hosts are named', async () => {
    const program = spawnProgram('api', ['--host', '0.0.0.0'], env)
    expect(await program.exited).toEqual({ code: 2, signal: null })
    expect(program.stderr()).toContain('HOST is 0.0.0.0, which others can reach, and no API key is required')

    const named = spawnProgram('api', ['--host', '0.0.0.0', '--allowed-hosts', 'api,other.internal'], env)
    const url = (await urlOf(named)).replace('0.0.0.0', '127.0.0.1')
    expect((await fetch(`${url}/payments`)).status).toBe(200)
    expect(named.stderr()).toContain('set REQUIRE_API_KEY')
  })

  it('prints its version', async () => {
    const program = spawnProgram('api', ['--version'])

    expect(await program.exited).toEqual({ code: 0, signal: null })
    expect(program.stdout()).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  // F72 missing or wrong settings, servers that cannot be reached: one clear line each, code other than 0
  it('tells every fault of flags and variables in one line each, with code 2', async () => {
    const program = spawnProgram('api', ['--port', '70000', '--redis-url', 'http://x'], {
      MAX_IN_FLIGHT: 'many',
    })

    expect(await program.exited).toEqual({ code: 2, signal: null })
    expect(program.stderr().trim().split('\n')).toEqual([
      'titan-api: --port must be a whole number from 0 to 65535, got "70000"',
      'titan-api: MAX_IN_FLIGHT must be a whole number from 1 to 1000000, got "many"',
      'titan-api: DATABASE_URL must be set',
      'titan-api: --redis-url must start with one of redis:// rediss:// redis+sentinel:// rediss+sentinel:// redis+cluster:// rediss+cluster://',
      "Try 'titan-api --help'.",
    ])
  })

  it('migrates, listens, takes a payment, and ends with code 0 on SIGTERM', async () => {
    const program = spawnProgram('api', [], env)
    const url = await urlOf(program)
    const response = await pay(url, 'cli')
    program.process.kill('SIGTERM')

    expect(response.status).toBe(202)
    expect(await program.exited).toEqual({ code: 0, signal: null })
    expect(program.stdout()).toBe(`titan-api listens on ${url}\n`)
  })

  it('accepts payments while there is no Redis, and ends at once on SIGINT', async () => {
    const program = spawnProgram('api', ['--redis-url', 'redis://127.0.0.1:1'], env)
    const response = await pay(await urlOf(program), 'no-redis')
    program.process.kill('SIGINT')

    expect(response.status).toBe(202)
    expect((await program.exited).code).toBe(0)
  })

  it('writes its log as JSON lines, without what clients send', async () => {
    const program = spawnProgram('api', ['--log-level', 'debug'], env)
    const url = await urlOf(program)
    await pay(url, 'secret-key-of-a-client')
    await (await fetch(`${url}/payments/secret-path`)).body?.cancel()
    program.process.kill('SIGTERM')
    await program.exited

    const lines = program.stderr().trim().split('\n')
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(entries).toContainEqual(
      expect.objectContaining({ event: 'request.served', method: 'POST', status: 202 }),
    )
    expect(program.stderr()).not.toContain('secret')
  })

  // F72
  it('tells in one line that it waits for PostgreSQL, and in one that it gave up, with code 1', async () => {
    const program = spawnProgram('api', ['--connect-timeout-ms', '1000'], {
      ...env,
      DATABASE_URL: 'postgres://user:secret@127.0.0.1:1/titan',
    })

    expect(await program.exited).toEqual({ code: 1, signal: null })
    const [waiting = '', ...rest] = program.stderr().split('\n')
    expect(JSON.parse(waiting)).toMatchObject({ event: 'postgres.awaited', address: '127.0.0.1:1' })
    expect(rest.join('\n')).toMatch(
      /^titan-api: cannot use PostgreSQL at 127\.0\.0\.1:1: .*ECONNREFUSED.*\n$/,
    )
    expect(program.stderr()).not.toContain('secret')
  })

  it('tells in one line that its port is taken, with code 1', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const program = spawnProgram('api', ['--port', String(port)], env)
    const exit = await program.exited
    other.close()

    expect(exit).toEqual({ code: 1, signal: null })
    expect(program.stderr().trim().split('\n').at(-1)).toMatch(
      new RegExp(`^titan-api: cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE`),
    )
  })

  it('tells in one line that its host has no address, with code 1', async () => {
    const program = spawnProgram('api', ['--host', 'none.invalid', '--require-api-key'], env)

    expect(await program.exited).toEqual({ code: 1, signal: null })
    expect(program.stderr().trim().split('\n').at(-1)).toMatch(
      /^titan-api: cannot listen on none\.invalid:0: .*(ENOTFOUND|EAI_AGAIN)/,
    )
  })
})
