import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { describeError, LocalError } from './errors.ts'
import { pause } from './wait.ts'

/** A database of its own for one test file. */
export interface TestDatabase {
  readonly url: string
  /** Ends the connections to it and removes it. Idempotent. */
  drop(): Promise<void>
}

/**
 * Creates a database with a unique name beside the one that `databaseUrl` names: an empty one, or a copy of
 * `template`, to which nobody may be connected.
 */
export async function createTestDatabase(
  databaseUrl: string,
  template?: TestDatabase,
): Promise<TestDatabase> {
  const name = `titan_test_${randomBytes(6).toString('hex')}`
  const source = template === undefined ? 'template0' : new URL(template.url).pathname.slice(1)
  await execute(databaseUrl, `create database ${name} template ${source}`)
  const url = new URL(databaseUrl)
  url.pathname = `/${name}`
  return {
    url: url.href,
    async drop() {
      await execute(databaseUrl, `drop database if exists ${name} with (force)`)
    },
  }
}

async function execute(databaseUrl: string, statement: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** A unique prefix for Redis keys, for tests that share one server. */
export function testPrefix(): string {
  return `test-${randomBytes(6).toString('hex')}`
}

/** How long `eventually` tries. */
export interface EventuallyOptions {
  /** @default 10_000 */
  readonly timeoutMs?: number
  /** Pause between two attempts. @default 20 */
  readonly intervalMs?: number
}

/**
 * Repeats `attempt` until it neither throws nor answers `false`, and answers its value.
 *
 * @throws the last error of `attempt`, or LocalError `TIMEOUT` when it still answers `false`
 */
export async function eventually<Value>(
  attempt: () => Value | Promise<Value>,
  options: EventuallyOptions = {},
): Promise<Exclude<Value, false>> {
  const { timeoutMs = 10_000, intervalMs = 20 } = options
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const outcome = await settle(attempt)
    if (outcome.isTrue) return outcome.value
    if (performance.now() >= deadline) {
      throw (
        outcome.error ??
        new LocalError('TIMEOUT', `Still false after ${timeoutMs} ms: ${describeError(attempt)}`)
      )
    }
    await pause(intervalMs)
  }
}

type Outcome<Value> = { isTrue: true; value: Exclude<Value, false> } | { isTrue: false; error?: unknown }

async function settle<Value>(attempt: () => Value | Promise<Value>): Promise<Outcome<Value>> {
  try {
    const value = await attempt()
    return isNotFalse(value) ? { isTrue: true, value } : { isTrue: false }
  } catch (error) {
    return { isTrue: false, error }
  }
}

function isNotFalse<Value>(value: Value): value is Exclude<Value, false> {
  return value !== false
}
