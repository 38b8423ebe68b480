import {
  fetchLedger,
  knownGatewaySettings,
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
import { webhooksSettings } from '@titan/webhooks'
import { withListedGateway } from '../books/listed-gateway.ts'
import { spanOf, spanSettings } from '../books/span.ts'
import { command } from '../command.ts'
import { withProgress } from '../terminal.ts'
import { withList } from './gateway-list.ts'
import { formatReport } from './report.ts'
import { findOpenBreaks } from './snapshot.ts'
import type { Finding } from './finding.ts'
import { verify, type VerifyOptions } from './verify.ts'

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
    'Check the invariants of payments in PostgreSQL, Redis and the ledger or list of a gateway. Code 1 on a breach.',
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
        about:
          'Gateway whose own list is compared, or that the ledger belongs to. Payments of others are not expected in it.',
        shown: 'every payment of the ledger',
      },
      { form: /^[\w.:@-]{1,100}$/, rule: 'the name of a gateway' },
    ),
    ...spanSettings,
    settled: toggle({ flag: 'settled', about: 'Require every payment to be final or in review.' }, false),
    redis: toggle({ flag: 'redis', about: 'Check Redis as well.' }, true),
    maxRetries: wholeNumber(named('MAX_RETRIES', 'Maximum number of retries of a payment.'), {
      fallback: 5,
      min: 0,
      max: 1_000,
    }),
    keyTtlMs: milliseconds(
      { flag: 'key-ttl-ms', about: 'Lifetime of the idempotency keys in the ledger.' },
      { fallback: 86_400_000, min: 1, max: 366 * 86_400_000 },
    ),
  },
  groups: {
    config: storeSettings,
    kept: keptLedger,
    known: knownGatewaySettings,
    webhooks: webhooksSettings,
  },
  statementTimeoutMs: 0,
  async run(
    { ledger, ledgerUrl, settled, maxRetries, keyTtlMs, ...own },
    { config, kept, known, webhooks, ...session },
  ) {
    const source = sourceOf({ ledger, ledgerUrl, ...own }, kept.file)
    const sql = await session.database()
    const redis = own.redis ? (await session.redis()).client : undefined
    const [missing] = await missingMigrations(sql)
    if (missing !== undefined)
      throw new Failure(`migration ${missing} is not applied: run titan migrate, then titan verify again`)
    const { prefix, partitions } = config
    await requirePartitions(sql, PAYMENTS_QUEUE, partitions)
    const shared = { sql, redis, prefix, partitions, settled, maxRetries, keyTtlMs, gateway: source.gateway }
    const check = (given: Pick<VerifyOptions, 'ledger' | 'list'>): Promise<Finding[]> =>
      withProgress('payments', 0, (onProgress) => verify({ ...shared, ...given, onProgress }))
    const findings = source.isListed
      ? await withListedGateway({ known, wanted: source.gateway, sql, webhooks }, async (gateway) => {
          const span = await spanOf(sql, own)
          return withList({ sql, gateway, ...span }, (list) => check({ list }))
        })
      : await check({ ledger: openLedger(source.file, ledgerUrl) })
    const openBreaks = await findOpenBreaks(sql)
    const ok = findings.every(({ verdict }) => verdict !== 'FAIL')
    session.print({ ok, findings, openBreaks }, () => formatReport(findings, openBreaks))
    return ok
  },
})

interface Given {
  readonly ledger: string | undefined
  readonly ledgerUrl: string | undefined
  readonly gateway: string | undefined
  readonly since: Date | undefined
  readonly until: Date | undefined
}

/** Chooses what payments are compared with: a ledger that was given, that of the simulated gateway, or a list. @throws Failure */
function sourceOf({ ledger, ledgerUrl, gateway, since, until }: Given, kept: string | undefined) {
  if (ledger !== undefined && ledgerUrl !== undefined)
    throw new Failure('--ledger and --ledger-url exclude each other')
  const isGiven = (ledger ?? ledgerUrl) !== undefined
  const source = isGiven ? { file: ledger, gateway } : withoutLedger(gateway, kept)
  const isListed = !isGiven && source.file === undefined && gateway !== undefined
  if (isListed || (since ?? until) === undefined) return { ...source, isListed }
  const advice =
    source.gateway === undefined ? 'give its --gateway' : 'a ledger is compared whole, without them'
  throw new Failure(`--since and --until select from the list of a gateway: ${advice}`)
}

function withoutLedger(gateway: string | undefined, kept: string | undefined) {
  const isKept = kept !== undefined && (gateway ?? 'simulated') === 'simulated'
  return isKept ? { file: kept, gateway: 'simulated' } : { file: undefined, gateway }
}

/** Opens the ledger without reading it: the snapshot comes first. */
function openLedger(file: string | undefined, url: string | undefined): Ledger | undefined {
  if (file !== undefined) return readLedgerFile(file)
  return url === undefined ? undefined : fetchLedger(url)
}
