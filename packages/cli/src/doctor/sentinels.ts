import { textOf } from '@titan/queue-core/text-of'
import type { SentinelReport } from '@titan/service'
import { problem, runChecks, type Checks, type Diagnosis } from './diagnosis.ts'

/** Judges what the Sentinels say; nothing where there are none. */
export function judgeSentinels(reports: readonly SentinelReport[]): Diagnosis[] {
  return reports.length === 0 ? [] : runChecks(CHECKS, reports)
}

/** Fewer than these cannot outvote one that is cut off. */
const FEWEST = 3

/** The largest number that a Sentinel tells; undefined where none does. */
function most(reports: readonly SentinelReport[], fact: string): number | undefined {
  const numbers = reports.flatMap(({ facts }) => (facts[fact] === undefined ? [] : Number(facts[fact])))
  return numbers.length === 0 ? undefined : Math.max(...numbers)
}

const CHECKS: Checks<readonly SentinelReport[]> = {
  'sentinel.reached': (reports) => {
    const silent = reports.filter((report) => report.problem !== undefined)
    if (silent.length === 0) return `All ${reports.length} Sentinels of REDIS_URL respond.`
    const reasons = silent.map((report) => `${report.name} ${textOf(report.problem)}`).join('; ')
    const found = `${silent.length} of ${reports.length} Sentinels cannot be asked: ${reasons}.`
    return problem('warning', found, 'Check that they run, and SENTINEL_USERNAME and SENTINEL_PASSWORD.')
  },
  'sentinel.number': (reports) => {
    const others = most(reports, 'num-other-sentinels')
    if (others === undefined) return cannotTell('how many Sentinels there are')
    if (others + 1 >= FEWEST) return `${others + 1} Sentinels watch the master.`
    const found = `${others + 1} ${others === 0 ? 'Sentinel watches' : 'Sentinels watch'} the master.`
    return problem('warning', found, 'Run three on three machines: fewer do not fail over when one ends.')
  },
  'sentinel.quorum': (reports) => {
    const [quorum, others] = [most(reports, 'quorum'), most(reports, 'num-other-sentinels')]
    if (quorum === undefined || others === undefined) return cannotTell('how many Sentinels must agree')
    const found = `${quorum} of ${others + 1} Sentinels must agree that the master is away.`
    if (quorum <= others) return found
    return problem('warning', found, 'Lower the quorum: with one Sentinel away there is no failover.')
  },
}

function cannotTell(what: string) {
  const advice = 'Allow it to the user of the Sentinels: ACL SETUSER … +sentinel|master'
  return problem('info', `SENTINEL MASTER is forbidden: cannot tell ${what}.`, advice)
}
