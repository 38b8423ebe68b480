import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { identifyProcess } from '../process-identity.ts'
import { poll } from '../wait.ts'

const END_TIMEOUT_MS = 10_000

/** Stops processes and all that they started. They come first, so that they start no more meanwhile. */
export function freezeTrees(roots: readonly number[]) {
  for (const pid of roots) signal(pid, 'SIGSTOP')
  for (const pid of processTrees(roots)) signal(pid, 'SIGSTOP')
}

/** Continues what {@link freezeTrees} stopped. */
export function thawTrees(roots: readonly number[]) {
  for (const pid of processTrees(roots)) signal(pid, 'SIGCONT')
}

/** Ends processes and all that they started at one moment, as a power cut does, and waits until they are gone. */
export async function killTrees(roots: readonly number[]) {
  freezeTrees(roots)
  const pids = processTrees(roots)
  for (const pid of pids) signal(pid, 'SIGKILL')
  const areGone = () => pids.every((pid) => identifyProcess(pid) === undefined)
  await poll(async () => areGone() || undefined, END_TIMEOUT_MS)
}

/** The processes and their descendants. Signals to a group do not do: each backend of PostgreSQL leads its own. */
function processTrees(roots: readonly number[]): number[] {
  const children = Map.groupBy(
    process.platform === 'linux' ? listOnLinux() : listByPs(),
    ([, parent]) => parent,
  )
  const trees = [...roots]
  for (const parent of trees) trees.push(...(children.get(parent) ?? []).map(([pid]) => pid))
  return trees
}

/** Process id and parent's process id. */
type Kinship = readonly [pid: number, parent: number]

function listOnLinux() {
  return readdirSync('/proc').flatMap((entry): Kinship[] => {
    const pid = Number(entry)
    try {
      const stat = pid > 0 ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
      // After the name, which may hold blanks and brackets: state, parent.
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return pid > 0 ? [[pid, Number(parent)]] : []
    } catch {
      // It has ended meanwhile.
      return []
    }
  })
}

function listByPs() {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  return lines.map((line): Kinship => {
    const [pid = 0, parent = 0] = line.trim().split(/\s+/u).map(Number)
    return [pid, parent]
  })
}

function signal(pid: number, name: NodeJS.Signals) {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
