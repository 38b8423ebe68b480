import { parseArgs } from 'node:util'
import type { TitanTarget } from './pages/checkout-demo.ts'
import type { ScriptOptions } from './script/script.ts'
import type { WebhookTarget } from './webhooks.ts'

/** Options of {@link startGatewaySimulator}. */
export interface GatewaySimulatorOptions extends ScriptOptions {
  /** File of JSON lines; made when it is not there, read when it is. */
  readonly ledgerPath: string
  /** @default 0, any free port */
  readonly port?: number
  /** @default '127.0.0.1' */
  readonly host?: string
  /** The only key that is let in. @default every key */
  readonly secretKey?: string | undefined
  /** How long an idempotency key is remembered, in milliseconds. @default 86400000, a day */
  readonly keyTtlMs?: number
  /** Time until outcomes that come later, in milliseconds. @default 500 */
  readonly laterMs?: number
  /** How long an authorization lasts, in milliseconds. @default 604800000, seven days */
  readonly authorizationMs?: number
  /** Requests per second; more are answered 429. @default no limit */
  readonly ratePerSecond?: number | undefined
  /** How long a new intent is not found by a search, in milliseconds. @default 0 */
  readonly searchLagMs?: number
  /** Size of a huge body, in bytes. @default 1073741824, a gibibyte */
  readonly hugeBytes?: number
  /** Where webhooks go. @default nowhere */
  readonly webhook?: WebhookTarget | undefined
  /** The program behind the page `/checkout-demo`. @default none: there is no such page */
  readonly titan?: TitanTarget | undefined
}

const USAGE = `titan-gateway-simulator: a payment gateway that fails on demand

Usage: titan-gateway-simulator [options]

  --ledger <file>            where the charges are written (default gateway-ledger.jsonl)
  --port <n>                 the port to listen on; 0 is any free one (default 0)
  --host <address>           the address to listen on (default 127.0.0.1)
  --secret-key <sk_…>        the only key that is let in (default every key)
  --key-ttl-ms <ms>          how long an idempotency key is remembered (default a day)
  --later-ms <ms>            time until outcomes that come later (default 500)
  --authorization-ms <ms>    how long an authorization lasts (default seven days)
  --rate-per-second <n>      more requests are answered 429 (default no limit)
  --search-lag-ms <ms>       how long a search does not find a new payment (default 0)
  --huge-bytes <n>           size of a huge body (default 1 GiB)
  --webhook-url <url>        where webhooks go (default nowhere)
  --webhook-secret <whsec_…> what they are signed with
  --webhook-dialect <name>   in whose form they are: stripe or adyen (default stripe)
  --webhook-events <types>   the events that are sent, parted by commas (default those of payments and refunds)
  --titan-url <url>          API behind the page /checkout-demo (default none, and no page)
  --titan-api-key <key>      API key of that page (default none)
  --weights <json>           shares of behaviours, such as {"ok":90,"reset_after":5,"decline:hard":5}
  --rules <json>             such as [{"amount":4001,"behaviour":"500_after"}]
  --seed <n>                 the same seed gives the same behaviours (default 1)
  --draw-by <key|amount>     what draws differ by; amount: and by how many requests the payment had (default key)
  -h, --help                 print this text

Behaviours of single payments are queued with POST /_control; the ledger is at GET /_ledger.
`

/** The option that each flag sets, and how its text is read. */
const FLAGS = {
  ledger: ['ledgerPath', String],
  port: ['port', wholeNumber],
  host: ['host', String],
  'secret-key': ['secretKey', String],
  'key-ttl-ms': ['keyTtlMs', wholeNumber],
  'later-ms': ['laterMs', wholeNumber],
  'authorization-ms': ['authorizationMs', wholeNumber],
  'rate-per-second': ['ratePerSecond', wholeNumber],
  'search-lag-ms': ['searchLagMs', wholeNumber],
  'huge-bytes': ['hugeBytes', wholeNumber],
  weights: ['weights', (text: string) => JSON.parse(text)],
  rules: ['rules', (text: string) => JSON.parse(text)],
  seed: ['seed', wholeNumber],
  'draw-by': ['drawBy', readDrawBy],
} as const

/**
 * Reads a command line; undefined when it asks for help, which is printed.
 *
 * @throws {RangeError} for a number that is none, {SyntaxError} for JSON that is none, the error of `parseArgs`
 */
export function readOptions(args: readonly string[]): GatewaySimulatorOptions | undefined {
  const names = [
    ...Object.keys(FLAGS),
    'webhook-url',
    'webhook-secret',
    'webhook-dialect',
    'webhook-events',
    'titan-url',
    'titan-api-key',
  ]
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' } as const]))
  const help = { type: 'boolean', short: 'h' } as const
  const { values } = parseArgs({ args: [...args], options: { ...options, help } })
  if (values.help === true) {
    process.stdout.write(USAGE)
    return undefined
  }
  const texts = values as Readonly<Record<string, string | undefined>>
  const found = Object.entries(FLAGS).flatMap(([flag, [option, read]]) => {
    const text = texts[flag]
    return text === undefined ? [] : [[option, read(text, flag)]]
  })
  const { 'webhook-url': url, 'webhook-secret': secret = 'whsec_test' } = texts
  const { 'titan-url': titanUrl, 'titan-api-key': apiKey } = texts
  return {
    ledgerPath: 'gateway-ledger.jsonl',
    ...Object.fromEntries(found),
    webhook:
      url === undefined
        ? undefined
        : { url, secret, dialect: readDialect(texts), events: texts['webhook-events']?.split(',') },
    titan: titanUrl === undefined ? undefined : { url: titanUrl, apiKey },
  }
}

/** Writes the command line that gives these options. */
export function writeOptions({ webhook, titan, ...options }: GatewaySimulatorOptions): string[] {
  const flags = Object.entries(FLAGS).map(([flag, [option]]) => [flag, options[option]] as const)
  const targets = [
    ['webhook-url', webhook?.url],
    ['webhook-secret', webhook?.secret],
    ['webhook-dialect', webhook?.dialect],
    ['webhook-events', webhook?.events?.join(',')],
    ['titan-url', titan?.url],
    ['titan-api-key', titan?.apiKey],
  ] as const
  return [...flags, ...targets]
    .filter(([, value]) => value !== undefined)
    .map(([flag, value]) => `--${flag}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
}

function readDialect({ 'webhook-dialect': name }: Readonly<Record<string, string | undefined>>) {
  if (name === undefined || name === 'stripe' || name === 'adyen') return name
  throw new RangeError('--webhook-dialect must be stripe or adyen')
}

function readDrawBy(text: string) {
  if (text !== 'key' && text !== 'amount') throw new RangeError('--draw-by must be key or amount')
  return text
}

function wholeNumber(text: string, flag: string) {
  if (!/^\d{1,15}$/.test(text)) throw new RangeError(`--${flag} must be a whole number`)
  return Number(text)
}
