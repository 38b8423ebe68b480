import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'

/** Where and when numbers were taken. */
export type Conditions = ReturnType<typeof observeConditions>

/** Above this share of the cores the machine is busy with something else. */
const QUIET_SHARE = 0.25

/** Returns how many processes wanted a core, on average over the last minute. */
export function readLoad(): number {
  return loadavg()[0] ?? 0
}

/** Notes the conditions of a run that is about to begin. */
export function observeConditions(given: {
  readonly size: string
  /** The load before the run began, which is load itself. */
  readonly loadBefore: number
  readonly versions: Readonly<Record<string, string>>
}) {
  return {
    ...given,
    at: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
  }
}

/** Returns whether something else used the machine when the run began. */
export function isBusy({ loadBefore, cores }: Conditions): boolean {
  return loadBefore > cores * QUIET_SHARE
}

/** Describes the conditions in one line. */
export function describeConditions(conditions: Conditions): string {
  const { at, size, cpu, cores, memoryGiB, system, node, loadBefore, versions } = conditions
  const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [
    `${at.slice(0, 16).replace('T', ' ')} UTC, ${size} run`,
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}`,
    `Node ${node}, ${used.join(', ')}`,
    `load before the start ${loadBefore.toFixed(2)}${isBusy(conditions) ? ' (busy: take the numbers with care)' : ''}`,
  ].join('; ')
}
