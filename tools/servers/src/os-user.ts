import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { LocalError } from './errors.ts'

/** The operating system user that PostgreSQL runs as, which must not be root. */
export interface OsUser {
  readonly uid?: number
  readonly gid?: number
  /** Returns the command line that runs a program as this user; spawn it with the returned uid and gid only. */
  wrap(command: string, args: string[]): { command: string; args: string[]; uid?: number; gid?: number }
}

/**
 * Finds the user for PostgreSQL: the one of this process, or for root the system's `postgres`, else `nobody`. Creates no
 * user. The user must reach `paths`. Where a folder above them is closed to others (a checkout under /root), setpriv
 * grants the capability to pass through.
 */
export function findOsUser(paths: readonly string[]): OsUser {
  if (process.getuid?.() !== 0) return { wrap: (command, args) => ({ command, args }) }
  const found = lookUp('postgres') ?? lookUp('nobody')
  if (found === undefined)
    throw new LocalError(
      'POSTGRES_UNAVAILABLE',
      'PostgreSQL refuses to run as root, and this machine has neither a "postgres" nor a "nobody" user. ' +
        'Run as an ordinary user, or set DATABASE_URL to use another server.',
    )
  const { uid, gid } = found
  if (paths.every((path) => isReachable(dirname(path))))
    return { uid, gid, wrap: (command, args) => ({ command, args, uid, gid }) }
  const ids = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups']
  const through = [...ids, '--inh-caps', '+dac_override', '--ambient-caps', '+dac_override', '--']
  return { uid, gid, wrap: (command, args) => ({ command: 'setpriv', args: [...through, command, ...args] }) }
}

function lookUp(name: string) {
  try {
    const ask = (flag: string) =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
    return { uid: ask('-u'), gid: ask('-g') }
  } catch {
    return undefined
  }
}

/** Reports whether every user may pass every folder from the root down to `folder`. */
function isReachable(folder: string): boolean {
  if ((statSync(folder).mode & 0o001) === 0) return false
  const above = dirname(folder)
  return above === folder || isReachable(above)
}
