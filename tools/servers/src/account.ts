import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { LocalError } from './errors.ts'

/** The account PostgreSQL runs under, which must not be root. */
export interface Account {
  readonly uid?: number
  readonly gid?: number
  /** The command line that runs a program under this account; spawn it without uid and gid of its own. */
  wrap(
    command: string,
    args: readonly string[],
  ): { command: string; args: string[]; uid?: number; gid?: number }
}

/**
 * The account for PostgreSQL: this process's own, or for root the system's `postgres`, else `nobody`; no account
 * is created. `paths` are what the account must reach. Where a folder above them is closed to others (a checkout
 * under /root), the account gets the capability to pass through, by setpriv.
 */
export function findAccount(paths: readonly string[]): Account {
  if (process.getuid?.() !== 0) return { wrap: (command, args) => ({ command, args: [...args] }) }
  const { uid, gid } = lookUp('postgres') ?? lookUp('nobody') ?? missingAccount()
  if (paths.every((path) => isReachable(dirname(path)))) {
    return { uid, gid, wrap: (command, args) => ({ command, args: [...args], uid, gid }) }
  }
  const ids = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups']
  const through = [...ids, '--inh-caps', '+dac_override', '--ambient-caps', '+dac_override', '--']
  return { uid, gid, wrap: (command, args) => ({ command: 'setpriv', args: [...through, command, ...args] }) }
}

function lookUp(name: string): { uid: number; gid: number } | undefined {
  try {
    const ask = (flag: string): number =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
    return { uid: ask('-u'), gid: ask('-g') }
  } catch {
    return undefined
  }
}

function missingAccount(): never {
  throw new LocalError(
    'POSTGRES_UNAVAILABLE',
    'PostgreSQL refuses to run as root, and this machine has neither a "postgres" nor a "nobody" account. ' +
      'Run as an ordinary user, or set DATABASE_URL.',
  )
}

/** Whether every folder from the root down to `folder` may be passed by everybody. */
function isReachable(folder: string): boolean {
  if ((statSync(folder).mode & 0o001) === 0) return false
  const above = dirname(folder)
  return above === folder || isReachable(above)
}
