import { hash } from 'node:crypto'
import type { GatewayToken } from './details.ts'

/** What a client asks for: a payment as it is stored, before anything became of it. */
export interface PaymentRequest {
  /** Minor units of the currency, a whole number from 1 to 2^53 - 1. */
  readonly amount: number
  /** ISO 4217 code. @default 'USD' */
  readonly currency?: string | undefined
  /** 1 to 255 visible ASCII characters, case-sensitive. One key is always the same payment. */
  readonly idempotencyKey: string
  /** What is charged. @default what the gateway is set up with */
  readonly paymentMethod?: GatewayToken | undefined
  /** The customer at the gateway. */
  readonly customer?: GatewayToken | undefined
  /** The merchant's own, such as an order number. */
  readonly reference?: string | undefined
  readonly description?: string | undefined
  /** What the customer's bank shows. */
  readonly statementDescriptor?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** `manual` only authorizes the charge. @default 'automatic' */
  readonly capture?: 'automatic' | 'manual' | undefined
  /** Whether the customer can answer a question of the bank. @default false */
  readonly customerPresent?: boolean | undefined
  /** Where the customer's browser goes after that. */
  readonly returnUrl?: string | undefined
  /** Of the payment's jobs. @default 'default' */
  readonly priority?: PaymentPriority | undefined
  /** Nothing is sent before; the past means now. @default at once */
  readonly executeAt?: Date | undefined
  /** Nothing is sent from then on. @default never */
  readonly expiresAt?: Date | undefined
}

/** Whether a request has a token that does not say which gateway it is of. */
export function hasPlainToken({ paymentMethod, customer }: PaymentRequest): boolean {
  return typeof paymentMethod === 'string' || typeof customer === 'string'
}

/** The priorities of a payment's jobs. */
export const PAYMENT_PRIORITIES = ['high', 'default', 'low'] as const
export type PaymentPriority = (typeof PAYMENT_PRIORITIES)[number]

/** What a member of a request must be: the test, and how its failure reads. */
interface Rule<Value> {
  readonly text: string
  readonly fits: (value: Value) => boolean
}

const TOKEN = /^[\x21-\x7e]{1,255}$/
const GATEWAY_NAME = /^[a-z][a-z\d_-]{0,39}$/
const MAX_GATEWAYS = 5
const PRINTABLE = /^\P{Cc}+$/u
/** As banks print it: Latin characters and a letter among them. */
const STATEMENT = /^(?=.*[a-z])[\x20-\x7e]{5,22}$/i
const NOT_IN_STATEMENT = /[<>\\'"*]/
const MAX_URL = 2_048
const MAX_PAIRS = 40
const MAX_METADATA_BYTES = 6_000

function isPrintable(text: string, maxLength: number): boolean {
  return text.length <= maxLength && PRINTABLE.test(text) && text.isWellFormed()
}

function isTokenMap(tokens: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(tokens)
  const areTokens = entries.every(([name, token]) => GATEWAY_NAME.test(name) && TOKEN.test(token))
  return entries.length > 0 && entries.length <= MAX_GATEWAYS && areTokens
}

function isMetadata(metadata: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(metadata)
  const areTexts = entries.every(
    ([key, value]) => isPrintable(key, 40) && !/[[\]]/.test(key) && isPrintable(value, 500),
  )
  const isSmall = Buffer.byteLength(JSON.stringify(metadata)) <= MAX_METADATA_BYTES
  return entries.length > 0 && entries.length <= MAX_PAIRS && areTexts && isSmall
}

/** Encrypted, unless the browser and the shop are on one machine. */
function isReturnUrl(text: string): boolean {
  if (text.length > MAX_URL || !/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  return (protocol === 'https:' || (protocol === 'http:' && isLoopback)) && username === '' && password === ''
}

const token: Rule<GatewayToken> = {
  text: 'must be a token of the gateway, 1 to 255 visible ASCII characters, or an object from the names of 1 to 5 gateways to their tokens',
  fits: (given) => (typeof given === 'string' ? TOKEN.test(given) : isTokenMap(given)),
}

/** The rules of the members that may be left out. Gateways and banks set the limits; each is theirs or below. */
export const MEMBER_RULES = {
  paymentMethod: token,
  customer: token,
  reference: {
    text: 'must be 1 to 255 printable characters',
    fits: (text: string) => isPrintable(text, 255),
  },
  description: {
    text: 'must be 1 to 500 printable characters',
    fits: (text: string) => isPrintable(text, 500),
  },
  statementDescriptor: {
    text: 'must be 5 to 22 Latin characters with a letter among them, without < > \\ \' " or *',
    fits: (text: string) => STATEMENT.test(text) && !NOT_IN_STATEMENT.test(text),
  },
  returnUrl: {
    text: 'must be an https URL of up to 2048 visible ASCII characters; http is for this machine only',
    fits: isReturnUrl,
  },
  metadata: {
    text: 'must be an object of 1 to 40 pairs: names up to 40 and texts up to 500 printable characters, no [ or ] in a name, 6000 bytes as JSON',
    fits: isMetadata,
  },
} satisfies Record<string, Rule<never>>

/** How far ahead a payment may be scheduled. */
const MAX_AHEAD_MS = 366 * 86_400_000

/** Why the times of a request cannot be met; undefined when they can. */
export function scheduleFaultOf(
  { executeAt, expiresAt }: Pick<PaymentRequest, 'executeAt' | 'expiresAt'>,
  now: Date,
): { readonly member: 'executeAt' | 'expiresAt'; readonly text: string } | undefined {
  if (executeAt !== undefined && executeAt.getTime() > now.getTime() + MAX_AHEAD_MS)
    return { member: 'executeAt', text: 'must be at most a year ahead' }
  if (expiresAt === undefined) return undefined
  if (executeAt !== undefined && expiresAt <= executeAt)
    return { member: 'expiresAt', text: 'must be later than execute_at' }
  return expiresAt <= now ? { member: 'expiresAt', text: 'must be in the future' } : undefined
}

/** Which members go into a new fingerprint, and how; rows of an earlier version are compared by that one. */
export const FINGERPRINT_VERSION = 2

/** SHA-256, hexadecimal, over the canonical JSON of a request of the first version, which left the key out. */
export function firstFingerprint({
  amount,
  currency = 'USD',
}: Pick<PaymentRequest, 'amount' | 'currency'>): string {
  return sha256(JSON.stringify({ amount, currency }))
}

/** Whether a request says nothing that the first version did not know. */
export function isOfFirstVersion({
  amount: _amount,
  currency: _currency,
  idempotencyKey: _key,
  priority = 'default',
  capture = 'automatic',
  customerPresent = false,
  ...more
}: PaymentRequest): boolean {
  const isPlain = priority === 'default' && capture === 'automatic' && !customerPresent
  return isPlain && Object.values(more).every((value) => value === undefined)
}

/**
 * SHA-256, hexadecimal, over the canonical JSON of a validated request and the digest of its details. The key is in it: it
 * is the second record of the key, so that an exchange of keys shows. A member that says its default is left out.
 */
export function fingerprint(request: PaymentRequest, digest = detailsDigest(request)): string {
  const { amount, currency = 'USD', idempotencyKey, capture, customerPresent } = request
  const { priority, executeAt, expiresAt } = request
  return sha256(
    JSON.stringify({
      amount,
      currency,
      idempotency_key: idempotencyKey,
      manual_capture: capture === 'manual' || undefined,
      customer_present: customerPresent === true || undefined,
      priority: priority === 'default' ? undefined : priority,
      execute_at: executeAt,
      expires_at: expiresAt,
      details: digest,
    }),
  )
}

/** SHA-256, hexadecimal, of the members that payment_details holds; undefined when a request says none of them. */
export function detailsDigest(request: Partial<PaymentRequest>): string | undefined {
  const { paymentMethod, customer, reference, description, statementDescriptor, metadata, returnUrl } =
    request
  const members = [
    ['payment_method', inOrder(paymentMethod)],
    ['customer', inOrder(customer)],
    ['reference', reference],
    ['description', description],
    ['statement_descriptor', statementDescriptor],
    ['metadata', inOrder(metadata)],
    ['return_url', returnUrl],
  ].filter(([, value]) => value !== undefined)
  return members.length === 0 ? undefined : sha256(JSON.stringify(members))
}

/** Pairs in the order of their names' bytes, as `collate "C"` has it: the order in which a client writes them says nothing. */
function inOrder(value: GatewayToken | undefined): unknown {
  if (value === undefined || typeof value === 'string') return value
  return Object.entries(value).toSorted(([one], [other]) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other)),
  )
}

function sha256(text: string): string {
  return hash('sha256', text, 'hex')
}
