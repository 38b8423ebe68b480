import type { DrawBy, Rule, Weights } from './script.ts'
import type { GatewaySimulatorOptions } from './simulator.ts'

/** The flags, as `parseArgs` of node:util takes them. */
export const CLI_OPTIONS = {
  ledger: { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string' },
  'secret-key': { type: 'string' },
  'key-ttl-ms': { type: 'string' },
  'later-ms': { type: 'string' },
  'rate-per-second': { type: 'string' },
  'search-lag-ms': { type: 'string' },
  'huge-bytes': { type: 'string' },
  'webhook-url': { type: 'string' },
  'webhook-secret': { type: 'string' },
  weights: { type: 'string' },
  rules: { type: 'string' },
  seed: { type: 'string' },
  'draw-by': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** The text of `--help`. */
export const USAGE = `titan-gateway-simulator: a payment gateway that fails on demand

Usage: titan-gateway-simulator [options]

  --ledger <file>            where the charges are written (default gateway-ledger.jsonl)
  --port <n>                 the port to listen on; 0 is any free one (default 0)
  --host <address>           the address to listen on (default 127.0.0.1)
  --secret-key <sk_…>        the only key that is let in (default every key)
  --key-ttl-ms <ms>          how long an idempotency key is remembered (default a day)
  --later-ms <ms>            time until outcomes that come later (default 500)
  --rate-per-second <n>      more requests are answered 429 (default no limit)
  --search-lag-ms <ms>       how long a search does not find a new payment (default 0)
  --huge-bytes <n>           size of a huge body (default 1 GiB)
  --webhook-url <url>        where webhooks go (default nowhere)
  --webhook-secret <whsec_…> what they are signed with
  --weights <json>           shares of behaviours, such as {"ok":90,"reset_after":5,"decline:hard":5}
  --rules <json>             such as [{"amount":4001,"behaviour":"500_after"}]
  --seed <n>                 the same seed gives the same behaviours (default 1)
  --draw-by <key|amount>     what draws differ by; amount: and by how many requests the payment had (default key)
  -h, --help                 print this text

Behaviours of single payments are queued with POST /_control; the ledger is at GET /_ledger.
`

/** The values of the flags. */
export type CliValues = { readonly [Name in Exclude<keyof typeof CLI_OPTIONS, 'help'>]?: string | undefined }

/** @throws {RangeError} for a number that is none, {SyntaxError} for JSON that is none */
export function readOptions(values: CliValues): GatewaySimulatorOptions {
  const url = values['webhook-url']
  return {
    ledgerPath: values.ledger ?? 'gateway-ledger.jsonl',
    ...numberOf(values, 'port', 'port'),
    ...(values.host !== undefined && { host: values.host }),
    ...(values['secret-key'] !== undefined && { secretKey: values['secret-key'] }),
    ...numberOf(values, 'key-ttl-ms', 'keyTtlMs'),
    ...numberOf(values, 'later-ms', 'laterMs'),
    ...numberOf(values, 'rate-per-second', 'ratePerSecond'),
    ...numberOf(values, 'search-lag-ms', 'searchLagMs'),
    ...numberOf(values, 'huge-bytes', 'hugeBytes'),
    ...numberOf(values, 'seed', 'seed'),
    ...(values['draw-by'] !== undefined && { drawBy: drawByOf(values['draw-by']) }),
    ...(values.weights !== undefined && { weights: JSON.parse(values.weights) as Weights }),
    ...(values.rules !== undefined && { rules: JSON.parse(values.rules) as Rule[] }),
    ...(url !== undefined && { webhook: { url, secret: values['webhook-secret'] ?? 'whsec_test' } }),
  }
}

/** The flags that give these options. */
export function writeOptions(options: GatewaySimulatorOptions): string[] {
  const { webhook, weights, rules } = options
  const values: Record<keyof CliValues, string | number | undefined> = {
    ledger: options.ledgerPath,
    port: options.port,
    host: options.host,
    'secret-key': options.secretKey,
    'key-ttl-ms': options.keyTtlMs,
    'later-ms': options.laterMs,
    'rate-per-second': options.ratePerSecond,
    'search-lag-ms': options.searchLagMs,
    'huge-bytes': options.hugeBytes,
    seed: options.seed,
    'draw-by': options.drawBy,
    'webhook-url': webhook?.url,
    'webhook-secret': webhook?.secret,
    weights: weights && JSON.stringify(weights),
    rules: rules && JSON.stringify(rules),
  }
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${value}`],
  )
}

function drawByOf(text: string): DrawBy {
  if (text !== 'key' && text !== 'amount') throw new RangeError('--draw-by must be key or amount')
  return text
}

function numberOf<Option extends string>(
  values: CliValues,
  flag: keyof CliValues,
  option: Option,
): { readonly [Name in Option]?: number } {
  const text = values[flag]
  if (text === undefined) return {}
  if (!/^\d{1,15}$/.test(text)) throw new RangeError(`--${flag} must be a whole number`)
  return { [option]: Number(text) } as { [Name in Option]?: number }
}
