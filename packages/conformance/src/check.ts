import { textOf } from '@titan/queue-core/text-of'
import pLimit from 'p-limit'
import { closeWithin } from './close.ts'
import type { CheckedServer, Gateway, GatewayCheck, GatewayFactory } from './gateway.ts'
import { Mismatch, NotChecked } from './outcome.ts'
import type { Row } from './row.ts'
import { ACTION_ROWS } from './rows/actions.ts'
import { ACTION_FAULT_ROWS, FAULT_ROWS } from './rows/faults.ts'
import { findKeyPlaces, KEY_ROWS } from './rows/keys.ts'
import { LIST_ROWS } from './rows/listing.ts'
import { MOVEMENT_ROWS } from './rows/movements.ts'
import { INQUIRY_ROWS, OUTCOME_ROWS } from './rows/outcomes.ts'
import { PROCESS_ROWS } from './rows/process.ts'
import { UNREACHABLE_ROWS } from './rows/unreachable.ts'
import { WEBHOOK_ROWS } from './rows/webhooks.ts'
import { Strays } from './strays.ts'
import { Trial, type Suite } from './trial.ts'

/** Every behaviour that is checked, in the order of the report. */
const ROWS: readonly Row[] = [
  ...PROCESS_ROWS,
  ...KEY_ROWS,
  ...OUTCOME_ROWS,
  ...UNREACHABLE_ROWS,
  ...FAULT_ROWS,
  ...INQUIRY_ROWS,
  ...MOVEMENT_ROWS,
  ...WEBHOOK_ROWS,
  ...LIST_ROWS,
]

/** Few gateways need this: the others learn by themselves what the customer did. */
const ROWS_OF_ACTIONS: readonly Row[] = [...ACTION_ROWS, ...ACTION_FAULT_ROWS]

/** What became of one behaviour. */
export interface CheckedBehaviour {
  readonly behaviour: string
  readonly expected: string
  readonly seen: string
  readonly verdict: 'passed' | 'failed' | 'not checked'
  /** What to do about a failure; null for others. */
  readonly advice: string | null
}

/** What a run of the suite found. */
export interface ConformanceReport {
  readonly gateway: string
  readonly isConforming: boolean
  readonly behaviours: readonly CheckedBehaviour[]
}

export interface CheckOptions {
  /** URL of the adapter's module. */
  readonly module: string
  readonly check: GatewayCheck
  /** Checks only behaviours whose text contains it. @default '' */
  readonly only?: string | undefined
  /** Longest time until an answer of the gateway, in milliseconds. @default 10000 */
  readonly timeoutMs?: number | undefined
  /** Longest time until a call ends after its signal aborted, in milliseconds. @default 2000 */
  readonly graceMs?: number | undefined
  /** Behaviours that are checked at the same time. @default 8 */
  readonly concurrency?: number | undefined
  /** Called with the number of behaviours that are done, and of all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** An adapter or a check file that cannot be used at all. */
export class UnusableAdapter extends Error {
  override readonly name = 'UnusableAdapter'
  readonly code = 'UNUSABLE_ADAPTER'
}

/**
 * Checks an adapter against every behaviour of a gateway and its network.
 *
 * @throws UnusableAdapter when the module or the server of the check does not load
 */
export async function checkGateway(options: CheckOptions): Promise<ConformanceReport> {
  const strays = new Strays()
  try {
    return withStrays(await checkRows(options), await strays.end(), options)
  } finally {
    await strays.end()
  }
}

const NO_STRAYS = 'process: errors outside of calls'

/** Nothing says which call they are of, so they are a behaviour of their own. */
function withStrays(
  report: ConformanceReport,
  strays: readonly string[],
  { only = '' }: CheckOptions,
): ConformanceReport {
  const isFaulty = strays.length > 0
  if (!isFaulty && !NO_STRAYS.includes(only)) return report
  const checked: CheckedBehaviour = {
    behaviour: NO_STRAYS,
    expected: 'none',
    seen: isFaulty ? strays.join('; ') : 'none',
    verdict: isFaulty ? 'failed' : 'passed',
    advice: isFaulty
      ? 'Await every promise, and listen for errors of every emitter: one of these ends the whole worker.'
      : null,
  }
  return {
    ...report,
    isConforming: report.isConforming && !isFaulty,
    behaviours: [...report.behaviours, checked],
  }
}

async function checkRows(options: CheckOptions): Promise<ConformanceReport> {
  const { module, check, only = '', timeoutMs = 10_000, graceMs = 2_000, concurrency = 8 } = options
  const create = await loadFactory(module)
  const server = await startServer(check)
  const suite: Suite = { module, create, check, server, timeoutMs, graceMs, keyPlaces: [] }
  try {
    const { name, completeAction } = await examine(suite)
    suite.keyPlaces = await placesOf(suite)
    const rows = [...ROWS, ...(completeAction === undefined ? [] : ROWS_OF_ACTIONS)].filter(({ behaviour }) =>
      behaviour.includes(only),
    )
    const limit = pLimit(concurrency)
    let done = 0
    const behaviours = await Promise.all(
      rows.map((row) =>
        limit(async () => {
          const checked = await checkRow(suite, row)
          options.onProgress?.(++done, rows.length)
          return checked
        }),
      ),
    )
    return {
      gateway: name,
      isConforming: behaviours.every(({ verdict }) => verdict !== 'failed'),
      behaviours,
    }
  } finally {
    await server?.close?.()
  }
}

async function loadFactory(module: string): Promise<GatewayFactory> {
  try {
    const { default: create } = (await import(module)) as { readonly default?: unknown }
    if (typeof create === 'function') return create as GatewayFactory
  } catch (error) {
    throw new UnusableAdapter(`${module} does not load: ${textOf(error)}`, { cause: error })
  }
  throw new UnusableAdapter(`${module} must export a function as default: (environment) => Gateway`)
}

async function startServer({ start }: GatewayCheck): Promise<CheckedServer | undefined> {
  try {
    return await start?.()
  } catch (error) {
    throw new UnusableAdapter(`start() of the check file fails: ${textOf(error)}`, { cause: error })
  }
}

/** Creates the adapter once, as a program does when it starts. */
async function examine({ create, check, server, graceMs }: Suite): Promise<Gateway> {
  try {
    const gateway = await create(check.environment(server?.url ?? ''))
    const { name, keyTtlMs } = gateway
    await closeWithin(graceMs, gateway)
    if (!/^[a-z][a-z0-9_-]{0,39}$/.test(name)) throw new Error(`its name is ${JSON.stringify(name)}`)
    if (!(keyTtlMs > 0)) throw new Error(`its keyTtlMs is ${keyTtlMs}`)
    return gateway
  } catch (error) {
    throw new UnusableAdapter(`the module makes no gateway: ${textOf(error)}`, { cause: error })
  }
}

/** The rows about the key say what is wrong; the others need only know where it is. */
async function placesOf(suite: Suite): Promise<readonly string[]> {
  if (suite.server === undefined) return []
  const trial = await Trial.open(suite)
  try {
    return await findKeyPlaces(trial)
  } catch (error) {
    if (error instanceof Mismatch) return []
    throw error
  } finally {
    await trial.close()
  }
}

async function checkRow(suite: Suite, row: Row): Promise<CheckedBehaviour> {
  const { behaviour, expected } = row
  const trial = await Trial.open(suite)
  try {
    const seen = await row.run(trial)
    trial.checkRepeats()
    return { behaviour, expected, seen, verdict: 'passed', advice: null }
  } catch (error) {
    if (error instanceof NotChecked)
      return { behaviour, expected, seen: error.message, verdict: 'not checked', advice: null }
    const advice = error instanceof Mismatch ? (error.advice ?? row.advice) : row.advice
    return { behaviour, expected, seen: textOf(error), verdict: 'failed', advice }
  } finally {
    await trial.close()
  }
}
