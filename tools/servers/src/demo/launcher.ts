import { identifyProcess, inspectProcess } from '../process-identity.ts'

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
  const chain = []
  for (let pid = process.ppid; pid > 1;) {
    const about = inspectProcess(pid)
    if (about === undefined) break
    chain.push({ pid, ...about })
    pid = about.parent
  }
  const isManager = ({ command }: { command: string }) => /\b(?:npm|npx|pnpm|yarn|bun)\b/u.test(command)
  return chain.slice(0, chain.findLastIndex(isManager) + 1)
}
