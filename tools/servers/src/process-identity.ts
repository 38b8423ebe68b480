import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Returns what tells a running process from a later one with the same id; undefined when no such process runs. */
export function identifyProcess(pid: number) {
  return inspectProcess(pid)?.identity
}

/**
 * Looks a running process up: `identity` is the time at which it began. On Windows, where no cheap answer exists, every
 * running process looks the same.
 */
export function inspectProcess(pid: number) {
  try {
    if (process.platform === 'linux') return inspectOnLinux(pid)
    if (process.platform === 'win32') {
      process.kill(pid, 0)
      return { identity: 'running', parent: 0, command: '' }
    }
    const options = { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } } as const
    const line = execFileSync('ps', ['-o', 'ppid=,lstart=,command=', '-p', String(pid)], options)
    // The time is five words: Sun Nov 29 05:33:38 2026.
    const [, parent, identity = '', command = ''] = /^\s*(\d+)\s+((?:\S+\s+){4}\S+)\s+(.*)/u.exec(line) ?? []
    return identity === '' ? undefined : { identity, parent: Number(parent), command }
  } catch {
    return undefined
  }
}

function inspectOnLinux(pid: number) {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field, the name, may hold blanks and brackets; the state is the first field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state = '', parent] = fields
  if ('ZX'.includes(state)) return undefined
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  return { identity: `${boot}:${fields[19] ?? ''}`, parent: Number(parent), command }
}
