import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describeError, LocalError } from '../errors.ts'

/** The variables with which webhooks reach receivers on this machine, on their usual ports. */
const LOCAL_RECEIVERS = {
  WEBHOOK_ALLOW_HTTP: 'true',
  WEBHOOK_ALLOWED_PORTS: '80,443,3001,4000,5000,8000,8080,8443,9000',
  WEBHOOK_ALLOWED_SUBNETS: '127.0.0.0/8,::1/128',
}

/**
 * Returns the variables that let webhooks work without any preparation: a key that is made once and kept in `file`, and
 * leave to send to receivers on this machine. None when the user has set a key: then the rest is up to the user too.
 *
 * @throws LocalError when the file cannot be read or written
 */
export function webhookVariables(file: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (env['WEBHOOK_ENCRYPTION_KEY']) return {}
  const given = Object.entries(env).filter(([name, value]) => name.startsWith('WEBHOOK_') && value)
  return { ...LOCAL_RECEIVERS, ...Object.fromEntries(given), WEBHOOK_ENCRYPTION_KEY: keepKey(file) }
}

/** Reads the key, or makes it. Losing it would make the secrets of stored endpoints unreadable. */
function keepKey(file: string) {
  try {
    mkdirSync(dirname(file), { recursive: true })
    // The state folder is locked, so no other process creates a key at the same time.
    if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600 })
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new LocalError('INVALID_INPUT', `Cannot use ${file}: ${describeError(error)}`, { cause: error })
  }
}
