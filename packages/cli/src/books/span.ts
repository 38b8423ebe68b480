import {
  PaymentsError,
  SETTLE_MS,
  type Database,
  type Gateway,
  type Gateways,
  type KnownGatewayPlan,
} from '@titan/payments'
import { isInstance } from '@titan/queue-core/text-of'
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

interface Wanted {
  readonly known: KnownGatewayPlan
  /** @default the only one with a list */
  readonly wanted: string | undefined
}

/** Runs work with a gateway that has a list. @throws Failure when there is none, or when it cannot be asked */
export async function withListedGateway<Value>(
  { known, wanted }: Wanted,
  use: (gateway: Gateway) => Promise<Value>,
): Promise<Value> {
  const { lookUp: gateways } = await known.open()
  try {
    return await use(gatewayWithList(gateways, wanted))
  } catch (error) {
    throw isInstance(error, PaymentsError) ? new Failure(error.message, { cause: error }) : error
  } finally {
    await gateways?.close()
  }
}

/** @throws Failure */
function gatewayWithList(gateways: Gateways | undefined, wanted: string | undefined): Gateway {
  const names = gateways?.names.filter((name) => gateways.get(name)?.list !== undefined) ?? []
  const [name = '', ...others] = names.filter((one) => wanted === undefined || one === wanted)
  const gateway = gateways?.get(name)
  if (gateway === undefined)
    throw new Failure(
      `GATEWAYS must name ${wanted ?? 'a gateway'} with a list to compare: use the settings of the workers`,
    )
  if (others.length > 0) throw new Failure(`--gateway must be one of ${names.join(', ')}`)
  return gateway
}
