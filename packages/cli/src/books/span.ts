import { SETTLE_MS, type Database } from '@titan/payments'
import { Failure, milliseconds } from '@titan/service'
import { timestampSetting } from '../commands/times.ts'

const DAY_MS = 86_400_000

/** The settings of commands that read the list of a gateway. */
export const spanSettings = {
  since: timestampSetting('since', 'Start of the span to compare; by default a day before its end.'),
  until: timestampSetting('until', 'End of the span; by default, and at the latest, the settle time ago.'),
  settleMs: milliseconds(
    { flag: 'settle-ms', about: 'Age from which records are compared, because lists of gateways lag.' },
    { fallback: SETTLE_MS, min: 0, max: DAY_MS },
  ),
}

interface GivenSpan {
  readonly since: Date | undefined
  readonly until: Date | undefined
  readonly settleMs: number
}

/** Returns the span to compare, by the clock of PostgreSQL. */
export async function spanOf(sql: Database, { settleMs, ...given }: GivenSpan) {
  const [clock] = await sql<{ now: Date }[]>`select clock_timestamp() as now`
  const latest = new Date((clock?.now.getTime() ?? Date.now()) - settleMs)
  const until = given.until !== undefined && given.until < latest ? given.until : latest
  const since = given.since ?? new Date(until.getTime() - DAY_MS)
  if (since < until) return { since, until }
  throw new Failure(`--since must be earlier than ${until.toISOString()}, the end of the span`)
}
