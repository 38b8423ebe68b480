import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  checkGateway,
  UnusableAdapter,
  type CheckedBehaviour,
  type ConformanceReport,
  type GatewayCheck,
} from '@titan/conformance'
import { textOf } from '@titan/queue-core/text-of'
import {
  Failure,
  locateModule,
  milliseconds,
  optionalText,
  text,
  wholeNumber,
  type SettingsGroup,
} from '@titan/service'
import { command, requiredWords, type Servers } from '../command.ts'
import { formatSections, formatTable, shorten, type Cell } from '../output.ts'
import { withProgress } from '../terminal.ts'

/** The suite needs neither PostgreSQL nor Redis. */
const noServers: SettingsGroup<Servers> = { sections: [], read: () => ({}) }

const ANY_TEXT = /^[^\p{Cc}]{1,400}$/u

/** `titan gateways check`. */
export const gatewaysCheck = command({
  name: 'titan gateways check',
  description:
    'Check an adapter of a gateway against every fault of a network. Needs no server: it charges at the test server or sandbox of the check file only.',
  settings: {
    module: text(
      requiredWords(
        'module',
        'Module of the adapter, as GATEWAYS names it: a file such as ./acme.js, or a package.',
        'module',
        'give the module of the adapter, such as ./acme.js',
      ),
      { form: ANY_TEXT, rule: 'one module' },
    ),
    check: optionalText(
      {
        flag: 'check',
        about: 'File that says what the adapter is checked against.',
        hint: 'file',
        shown: './acme.check.js for ./acme.js',
      },
      { form: ANY_TEXT, rule: 'a file' },
    ),
    only: text(
      { flag: 'only', about: 'Check only behaviours whose text contains this.', hint: 'text' },
      { form: ANY_TEXT, rule: 'a text' },
    ),
    timeoutMs: milliseconds(
      { flag: 'timeout-ms', about: 'Longest time until an answer of the gateway.' },
      { fallback: 10_000, min: 100, max: 600_000 },
    ),
    concurrency: wholeNumber(
      { flag: 'concurrency', about: 'Behaviours that are checked at the same time; few for a sandbox.' },
      { fallback: 8, min: 1, max: 100 },
    ),
  },
  groups: { config: noServers },
  async run({ module, check, only, timeoutMs, concurrency }, { print }) {
    const options = { only, timeoutMs, concurrency }
    const adapter = locate(module)
    const checked = await withProgress('behaviours', 0, async (onProgress) =>
      runCheck({ module: adapter, check: await loadCheck(adapter, check), ...options, onProgress }),
    )
    if (checked.behaviours.length === 0) throw new Failure(`no behaviour contains ${JSON.stringify(only)}`)
    print(checked, () => formatReport(checked, only))
    return checked.isConforming
  },
})

function locate(module: string): string {
  try {
    return locateModule(module)
  } catch (error) {
    throw new Failure(`${module} is no file and no installed package: ${textOf(error, 200)}`, {
      cause: error,
    })
  }
}

async function loadCheck(adapter: string, given: string | undefined): Promise<GatewayCheck> {
  const url =
    given === undefined ? new URL(adapter.replace(/(\.\w+)$/, '.check$1')) : pathToFileURL(resolve(given))
  if (!existsSync(url))
    throw new Failure(`the check file ${url.pathname} does not exist: write it, or name one with --check`)
  try {
    const { default: check } = (await import(url.href)) as { readonly default?: GatewayCheck }
    if (typeof check?.environment === 'function' && check.samples !== undefined) return check
  } catch (error) {
    throw new Failure(`${url.pathname} does not load: ${textOf(error)}`, { cause: error })
  }
  throw new Failure(`${url.pathname} must export as default an object of the type GatewayCheck`)
}

async function runCheck(options: Parameters<typeof checkGateway>[0]): Promise<ConformanceReport> {
  try {
    return await checkGateway(options)
  } catch (error) {
    if (error instanceof UnusableAdapter) throw new Failure(error.message, { cause: error })
    throw error
  }
}

const MARKS = { passed: 'green', failed: 'red', 'not checked': 'yellow' } as const

function formatReport({ gateway, isConforming, behaviours }: ConformanceReport, only: string): string {
  const failures = behaviours.filter(({ verdict }) => verdict === 'failed')
  const count = (verdict: CheckedBehaviour['verdict']): number =>
    behaviours.filter((behaviour) => behaviour.verdict === verdict).length
  return formatSections({
    Behaviours: formatTable(behaviours.map(rowOf)),
    'What to do':
      failures.length === 0
        ? undefined
        : failures
            .map(({ behaviour, expected, seen, advice }) =>
              [behaviour, `  expected ${expected}`, `  seen     ${shorten(seen, 500)}`, `  ${advice}`].join(
                '\n',
              ),
            )
            .join('\n\n'),
    [`${gateway} ${isConforming ? 'conforms' : 'does not conform'}${only === '' ? '' : ' in these behaviours'}`]: `${count('passed')} passed, ${failures.length} failed, ${count('not checked')} not checked`,
  })
}

function rowOf({ behaviour, expected, seen, verdict }: CheckedBehaviour): Readonly<Record<string, Cell>> {
  return { behaviour, expected, seen: shorten(seen, 60), verdict: { style: MARKS[verdict], text: verdict } }
}
