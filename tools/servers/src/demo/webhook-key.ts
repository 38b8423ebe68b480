import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describeError, LocalError } from '../errors.ts'

/** Ports of this machine that receivers of one's own usually listen on. */
const LOCAL_PORTS = [80, 443, 3001, 4000, 5000, 8000, 8080, 8443, 9000]

/**
 * The variables that let webhooks work without any preparation: a key that is made once and kept in `file`, and leave to
 * send to receivers on this machine. Nothing when the user has set a key: then the rest is up to the user too.
 *
 * @throws LocalError when the file cannot be read or written
 */
export function webhookVariables(file: string, env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  if (env['WEBHOOK_ENCRYPTION_KEY']) return {}
  return {
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOWED_PORTS: LOCAL_PORTS.join(','),
    WEBHOOK_ALLOWED_SUBNETS: '127.0.0.0/8,::1/128',
    // What the user has set goes first.
    ...givenOf(env),
    WEBHOOK_ENCRYPTION_KEY: keepKey(file),
  }
}

function givenOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const given: Record<string, string> = {}
  for (const [name, value] of Object.entries(env))
    if (name.startsWith('WEBHOOK_') && value !== undefined && value !== '') given[name] = value
  return given
}

/** Reads the key, or makes it. Losing it would make the secrets of stored endpoints unreadable. */
function keepKey(file: string): string {
  try {
    mkdirSync(dirname(file), { recursive: true })
    // The state folder is locked, so no other process creates a key at the same time.
    if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600 })
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new LocalError('INVALID_INPUT', `Cannot use ${file}: ${describeError(error)}`, { cause: error })
  }
}
