import { basename } from 'node:path'
import {
  AcceptanceRules,
  createPaymentStore,
  databaseSettings,
  DEFAULT_ACCOUNT,
  formatSum,
  knownGatewaySettings,
  type Database,
} from '@titan/payments'
import { choice, optionalText, text, toggle, type SettingsOf } from '@titan/service'
import { command, requiredWords } from '../command.ts'
import { accountFacts, accountSetting } from '../commands/accounts.ts'
import { recorded } from '../commands/audit.ts'
import { operator } from '../payments/acts.ts'
import { untilInterrupted, withProgress } from '../terminal.ts'
import { AMOUNT_FORMS } from './amount.ts'
import { importPayments, type ImportOptions } from './import.ts'
import { Report, type Outcome } from './report.ts'
import { checkWhole, openBytes, openSource } from './source.ts'

const settings = {
  file: text(requiredWords('file', 'CSV or JSON lines; - for standard input.', 'file', 'name the file'), {
    form: /^[^\0]+$/,
    rule: 'the name of a file',
  }),
  amounts: choice(
    {
      flag: 'amounts',
      about:
        'How a CSV file writes amounts: minor units such as 1250, or with decimals such as 12.50 (comma or point; decimal: either, and 1.234 is refused).',
      hint: 'form',
    },
    AMOUNT_FORMS,
    'minor',
  ),
  currency: text(
    { flag: 'currency', about: 'Currency of lines that name none.', hint: 'code' },
    { form: /^[A-Z]{3}$/, rule: 'the three capital letters of a currency', fallback: 'USD' },
  ),
  account: accountSetting('Account of the payments.'),
  report: optionalText(
    {
      flag: 'report',
      about: 'File that gets the result of each line.',
      hint: 'file',
      shown: 'FILE.report.csv, none for standard input',
    },
    { form: /^[^\0]+$/, rule: 'the name of a file' },
  ),
  dryRun: toggle({ flag: 'dry-run', about: 'Check every line and store nothing.' }, false),
  operator,
}

/** Refused lines that are shown; the report has all. */
const MAX_SHOWN = 10

/** `titan payments import`. */
export const paymentsImport = command({
  name: 'titan payments import',
  description:
    'Store the payments of a file at low priority. Moves money; workers do it. After an interruption, run it again: known keys are replays. Code 1 if a line is refused.',
  settings,
  groups: { config: databaseSettings, gateways: knownGatewaySettings },
  async run(own, { gateways, database, print, complain }) {
    const sql = await database()
    const known = await gateways.open()
    await known.lookUp?.close()
    const facts = await accountFacts(sql, own.account ?? DEFAULT_ACCOUNT)
    const path = own.report ?? (own.file === '-' ? undefined : `${own.file}.report.csv`)
    const tally = new Tally()
    const store = createPaymentStore(sql)
    const done = await untilInterrupted(async (signal) => {
      const options = {
        signal,
        account: own.account,
        facts,
        isDry: own.dryRun,
        actor: `operator:${own.operator}`,
        store,
        acceptance: known.accepting && new AcceptanceRules(known.accepting, store.routes),
      }
      const run = () => importFile(own, options, { path, tally, complain })
      await (own.dryRun ? run() : record(sql, own, run, tally))
      return !signal.aborted
    })
    for (const { line, reason } of tally.shown) complain(`line ${line}: ${reason}`)
    if (tally.counts.refused > tally.shown.length)
      complain(`${tally.counts.refused - tally.shown.length} more lines are refused`)
    if (!done) complain('interrupted: run the same command again to import the rest')
    print({ ...tally.summary(), report: path }, () => tally.describe(path))
    return done && tally.counts.refused === 0
  },
})

type Own = SettingsOf<typeof settings>

function record(sql: Database, own: Own, run: () => Promise<void>, tally: Tally): Promise<void> {
  const act = { action: 'payments.import', target: basename(own.file).slice(0, 100), operator: own.operator }
  return recorded(sql, act, run, () => tally.describe(undefined).split('\n')[0] ?? '')
}

async function importFile(
  { file, ...form }: Own,
  options: ImportOptions,
  { path, tally, complain }: { path: string | undefined; tally: Tally; complain: (text: string) => void },
): Promise<void> {
  let onBytes = (_total: number): void => undefined
  const { size, bytes } = await openBytes(file, (total) => onBytes(total))
  const source = await openSource(bytes, form)
  if (source.ignored.length > 0) complain(`columns ignored: ${source.ignored.join(', ')}`)
  if (!options.isDry && form.amounts === 'minor') await checkWhole(file, form, options.signal)
  const report = await Report.open(path)
  try {
    await withProgress('kB', Math.ceil(size / 1_024), async (onProgress) => {
      onBytes = (total) =>
        onProgress(Math.ceil(total / 1_024), size === 0 ? Math.ceil(total / 1_024) : undefined)
      for await (const outcomes of importPayments(source.entries, options)) {
        await report.add(outcomes)
        tally.add(outcomes)
      }
    })
  } finally {
    await report.close()
  }
}

/** Counts what became of the lines, and adds up amounts by currency. */
class Tally {
  readonly counts: Record<Outcome['result'], number> = { created: 0, replayed: 0, valid: 0, refused: 0 }
  readonly shown: Outcome[] = []
  readonly #sums = new Map<string, bigint>()

  add(
    outcomes: readonly (Outcome & {
      readonly request?: { amount: number; currency?: string | undefined } | undefined
    })[],
  ): void {
    for (const outcome of outcomes) {
      const { result, request } = outcome
      this.counts[result]++
      if (result === 'refused' && this.shown.length < MAX_SHOWN) this.shown.push(outcome)
      if (request === undefined || (result !== 'created' && result !== 'valid')) continue
      const { amount, currency = 'USD' } = request
      this.#sums.set(currency, (this.#sums.get(currency) ?? 0n) + BigInt(amount))
    }
  }

  summary() {
    const amounts = Object.fromEntries([...this.#sums].map(([currency, sum]) => [currency, formatSum(sum)]))
    return { ...this.counts, amounts }
  }

  describe(path: string | undefined): string {
    const counts = Object.entries(this.counts).filter(([, count]) => count > 0)
    const sums = [...this.#sums].map(([currency, sum]) => `${sum} ${currency}`)
    return [
      counts.map(([result, count]) => `${count} ${result}`).join(', ') || 'no payments',
      ...(sums.length === 0 ? [] : [`new, in minor units: ${sums.join(', ')}`]),
      ...(path === undefined ? [] : [`report: ${path}`]),
    ].join('\n')
  }
}
