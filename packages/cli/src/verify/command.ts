import {
  fetchLedger,
  missingMigrations,
  PAYMENTS_QUEUE,
  readLedgerFile,
  requirePartitions,
  storeSettings,
  type Ledger,
} from '@titan/payments'
import {
  Failure,
  milliseconds,
  named,
  optionalText,
  readSettings,
  toggle,
  wholeNumber,
  type SettingsSource,
} from '@titan/service'
import { command } from '../command.ts'
import { withProgress } from '../terminal.ts'
import { formatReport } from './report.ts'
import { findOpenBreaks } from './snapshot.ts'
import { verify } from './verify.ts'

const keptSettings = {
  file: optionalText(
    {
      env: 'GATEWAY_LEDGER',
      about: 'Ledger file of the simulated gateway, when no other is given.',
      hint: 'file',
    },
    { form: /^.+$/, rule: 'a file' },
  ),
}

/** The ledger that workers keep: flags go over it. */
const keptLedger = {
  sections: [{ title: 'Kept ledger', settings: Object.values(keptSettings) }],
  read: (source: SettingsSource) => readSettings(keptSettings, source),
}

/** `titan verify`. */
export const verifyCommand = command({
  name: 'titan verify',
  description:
    'Check the invariants of payments in PostgreSQL, Redis and the gateway’s ledger. Code 1 on a breach.',
  settings: {
    ledger: optionalText(
      { flag: 'ledger', about: 'Ledger file of the gateway simulator.', hint: 'file' },
      { form: /^.+$/, rule: 'a file' },
    ),
    ledgerUrl: optionalText(
      { flag: 'ledger-url', about: 'URL of a running gateway simulator, to read its ledger.', hint: 'url' },
      { form: /^https?:\/\/\S+$/, rule: 'a URL that begins with http:// or https://' },
    ),
    gateway: optionalText(
      {
        flag: 'gateway',
        about: 'Gateway that the ledger belongs to. Payments of other gateways are not expected in it.',
        shown: 'every payment',
      },
      { form: /^[\w.:-]{1,100}$/, rule: 'the name of a gateway' },
    ),
    settled: toggle({ flag: 'settled', about: 'Require every payment to be final or in review.' }, false),
    redis: toggle({ flag: 'redis', about: 'Check Redis as well.' }, true),
    maxRetries: wholeNumber(named('MAX_RETRIES', 'Maximum number of retries of a payment.'), {
      fallback: 5,
      min: 0,
      max: 1_000,
    }),
    keyTtlMs: milliseconds(
      { flag: 'key-ttl-ms', about: 'Lifetime of the gateway’s idempotency keys.' },
      { fallback: 86_400_000, min: 1, max: 366 * 86_400_000 },
    ),
  },
  groups: { config: storeSettings, kept: keptLedger },
  statementTimeoutMs: 0,
  async run({ ledger, ledgerUrl, settled, maxRetries, keyTtlMs, ...own }, { config, kept, ...session }) {
    if (ledger !== undefined && ledgerUrl !== undefined)
      throw new Failure('--ledger and --ledger-url exclude each other')
    const sql = await session.database()
    const redis = own.redis ? (await session.redis()).client : undefined
    const [missing] = await missingMigrations(sql)
    if (missing !== undefined)
      throw new Failure(`migration ${missing} is not applied: run titan migrate, then titan verify again`)
    const { prefix, partitions } = config
    await requirePartitions(sql, PAYMENTS_QUEUE, partitions)
    const isKept = ledger === undefined && ledgerUrl === undefined && kept.file !== undefined
    const gateway = own.gateway ?? (isKept ? 'simulated' : undefined)
    const shared = { sql, redis, prefix, partitions, settled, maxRetries, keyTtlMs, gateway }
    const findings = await withProgress('payments', 0, (onProgress) =>
      verify({ ...shared, ledger: openLedger(isKept ? kept.file : ledger, ledgerUrl), onProgress }),
    )
    const openBreaks = await findOpenBreaks(sql)
    const ok = findings.every(({ verdict }) => verdict !== 'FAIL')
    session.print({ ok, findings, openBreaks }, () => formatReport(findings, openBreaks))
    return ok
  },
})

/** Opens the ledger without reading it: the snapshot comes first. */
function openLedger(file: string | undefined, url: string | undefined): Ledger | undefined {
  if (file !== undefined) return readLedgerFile(file)
  return url === undefined ? undefined : fetchLedger(url)
}
