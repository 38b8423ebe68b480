import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { identifyProcess } from '../process-identity.ts'

const CHECK_MS = 1_000

/**
 * Calls `onGone` when a package manager that runs this process, such as `npx` or `pnpm`, is gone: npx dies of a
 * SIGTERM without passing it on, and what it has started would never stop. Returns how to end the watch.
 */
export function watchLaunchers(onGone: () => void) {
  // Set by package managers for the scripts they run; without it the user runs this process.
  const launchers = process.env['npm_lifecycle_event'] === undefined ? [] : findLaunchers()
  const timer = setInterval(() => {
    if (launchers.every(({ pid, identity }) => identifyProcess(pid) === identity)) return
    clearInterval(timer)
    onGone()
  }, CHECK_MS)
  return () => clearInterval(timer)
}

/** Lists the processes above this one, up to the last package manager; what is above that is the user's own. */
function findLaunchers() {
  const chain: { pid: number; isManager: boolean }[] = []
  for (let pid = process.ppid; pid > 1;) {
    const about = lookUp(pid)
    if (about === undefined) break
    chain.push({ pid, isManager: /\b(?:npm|npx|pnpm|yarn|bun)\b/u.test(about.command) })
    pid = about.parent
  }
  const count = chain.findLastIndex(({ isManager }) => isManager) + 1
  return chain.slice(0, count).map(({ pid }) => ({ pid, identity: identifyProcess(pid) }))
}

function lookUp(pid: number) {
  try {
    if (process.platform === 'linux') {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      return { parent: Number(/^PPid:\s*(?<parent>\d+)/mu.exec(status)?.groups?.['parent']), command }
    }
    if (process.platform === 'win32') return undefined
    const line = execFileSync('ps', ['-o', 'ppid=,command=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    return { parent: Number.parseInt(line, 10), command: line.replace(/^\d+\s+/u, '') }
  } catch {
    return undefined
  }
}
