import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts in these, whatever the kernel's own clock. */
const TICK_MS = 10

interface ProcessTimes {
  readonly parent: number
  readonly ownMs: number
  /** Time of children that have ended. */
  readonly endedMs: number
}

/** Reads `/proc/<pid>/stat`; undefined when the process has ended meanwhile. */
function readTimes(pid: number): ProcessTimes | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name, which may contain anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const at = (field: number): number => Number(fields[field - 3])
    return { parent: at(4), ownMs: (at(14) + at(15)) * TICK_MS, endedMs: (at(16) + at(17)) * TICK_MS }
  } catch {
    return undefined
  }
}

/**
 * Returns the processor time, user and system, that a process and its children have used so far, in milliseconds. Children
 * that have ended are included. Linux only.
 *
 * @throws when there is no such process
 */
export function readProcessorTime(pid: number): number {
  const own = readTimes(pid)
  if (own === undefined) throw new Error(`/proc/${pid}/stat cannot be read: this needs Linux`)
  const children = readdirSync('/proc').flatMap((name) => {
    const times = /^\d+$/.test(name) ? readTimes(Number(name)) : undefined
    return times?.parent === pid ? [times.ownMs + times.endedMs] : []
  })
  return children.reduce((sum, ms) => sum + ms, own.ownMs + own.endedMs)
}
