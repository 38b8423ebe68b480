import {
  fetchLedger,
  missingMigrations,
  readLedgerFile,
  storeSettings,
  type Ledger,
  type StoreConfig,
} from '@titan/payments'
import {
  EXIT,
  Failure,
  milliseconds,
  text,
  toggle,
  wholeNumber,
  type Program,
  type SettingsTable,
} from '@titan/service'
import { connectSetting } from '../commands/connect-setting.ts'
import type { Finding } from './finding.ts'
import { startProgress } from '../progress.ts'
import { jsonSetting, version } from '../commands/queue.ts'
import { formatJson, formatReport } from './report.ts'
import { withStores } from '../stores.ts'
import { findOpenBreaks } from './snapshot.ts'
import { verify, type VerifyOptions } from './verify.ts'

/** The settings of `titan verify`. */
export interface VerifySettings {
  readonly ledger: string
  readonly ledgerUrl: string
  readonly gateway: string
  readonly settled: boolean
  readonly json: boolean
  readonly redis: boolean
  readonly maxRetries: number
  readonly keyTtlMs: number
  readonly connectTimeoutMs: number
}

const settings: SettingsTable<VerifySettings> = {
  ledger: text(
    { flag: 'ledger', about: 'Ledger file of the gateway simulator.', hint: 'file' },
    { form: /^.+$/, rule: 'a file' },
  ),
  ledgerUrl: text(
    { flag: 'ledger-url', about: 'URL of a running gateway simulator, to read its ledger.', hint: 'url' },
    { form: /^https?:\/\/\S+$/, rule: 'a URL that begins with http:// or https://' },
  ),
  gateway: text(
    {
      flag: 'gateway',
      about: 'Gateway that the ledger belongs to. Payments of other gateways are not expected in it.',
      shown: 'every payment',
    },
    { form: /^[\w.:-]{1,100}$/, rule: 'the name of a gateway' },
  ),
  settled: toggle({ flag: 'settled', about: 'Require every payment to be final or in review.' }, false),
  json: jsonSetting,
  redis: toggle({ flag: 'redis', about: 'Check Redis as well.' }, true),
  maxRetries: wholeNumber(
    { flag: 'max-retries', env: 'MAX_RETRIES', about: 'Maximum number of retries of a payment.' },
    { fallback: 5, min: 0, max: 1_000 },
  ),
  keyTtlMs: milliseconds(
    { flag: 'key-ttl-ms', about: 'Lifetime of the gateway’s idempotency keys.' },
    { fallback: 86_400_000, min: 1, max: 366 * 86_400_000 },
  ),
  connectTimeoutMs: connectSetting,
}

/** The program `titan verify`. */
export const verifyProgram: Program<VerifySettings, { readonly config: StoreConfig }> = {
  name: 'titan verify',
  version,
  description: 'Check the invariants of payments. Code 1 on a breach.',
  settings,
  groups: { config: storeSettings },
  run: async (own, { config }) => {
    const { ledger, ledgerUrl, gateway, settled, maxRetries, keyTtlMs, connectTimeoutMs } = own
    if (ledger !== '' && ledgerUrl !== '') {
      process.stderr.write('titan verify: --ledger and --ledger-url exclude each other\n')
      return EXIT.usage
    }
    return withStores(
      { name: 'titan verify', config, withRedis: own.redis, connectTimeoutMs, statementTimeoutMs: 0 },
      async ({ sql, redis }) => {
        const [missing] = await missingMigrations(sql)
        if (missing !== undefined)
          throw new Failure(`migration ${missing} is not applied: run titan migrate, then titan verify again`)
        const findings = await verifyInSight({
          sql,
          redis,
          prefix: config.prefix,
          settled,
          maxRetries,
          keyTtlMs,
          ledger: openLedger(ledger, ledgerUrl),
          gateway: gateway === '' ? undefined : gateway,
        })
        const breaks = await findOpenBreaks(sql)
        process.stdout.write(`${own.json ? formatJson(findings, breaks) : formatReport(findings, breaks)}\n`)
        return findings.some(({ verdict }) => verdict === 'FAIL') ? EXIT.failure : EXIT.ok
      },
    )
  },
}

async function verifyInSight(options: VerifyOptions): Promise<Finding[]> {
  const progress = startProgress('payments')
  try {
    return await verify({ ...options, onProgress: progress.update })
  } finally {
    progress.stop()
  }
}

/** Opens the ledger without reading it: the snapshot comes first. */
function openLedger(file: string, url: string): Ledger | undefined {
  if (file !== '') return readLedgerFile(file)
  return url === '' ? undefined : fetchLedger(url)
}
