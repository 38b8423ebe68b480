import { ACCOUNT_ID, DEFAULT_ACCOUNT, storedKeyOf } from '../domain/accounts/account.ts'
import type { PaymentDetails } from '../domain/details.ts'
import { PaymentsError } from '../domain/errors.ts'
import { newPaymentId } from '../domain/identifiers.ts'
import type { Payment } from '../domain/payment.ts'
import {
  detailsDigest,
  fingerprint,
  FINGERPRINT_VERSION,
  firstFingerprint,
  hasPlainToken,
  isOfFirstVersion,
  MEMBER_RULES,
  scheduleFaultOf,
  type PaymentRequest,
} from '../domain/request.ts'
import { activeTraceparent, passStep } from '../tracing.ts'
import type { Database, Queryable } from './database.ts'
import { toPayment, type PaymentRow } from './rows.ts'
import { recordType, statement } from './statements.ts'

export interface NewPayment extends PaymentRequest {
  /** Whose it is. @default 'default' */
  readonly account?: string | undefined
  /** Who asks, for the event of the creation. @default 'api' */
  readonly actor?: string | undefined
  /** Whose the tokens are that name no gateway: attempts begin nowhere else. @default the first of the route, at each claim */
  readonly tokenGateway?: string | undefined
}

/** `mismatch`: the key belongs to a payment of another request; nothing was written. */
export type CreateAnswer =
  | { readonly kind: 'created' | 'replayed'; readonly payment: Payment }
  | { readonly kind: 'mismatch' }

/** A request with what its row needs. */
export type Prepared = ReturnType<typeof prepare>

/** Checks a request and fills in what its row needs. @throws {PaymentsError} `INVALID_PAYMENT` */
export function prepare({ actor = 'api', account = DEFAULT_ACCOUNT, tokenGateway, ...given }: NewPayment) {
  const request = { ...given, currency: given.currency ?? 'USD' }
  check(request)
  if (!ACCOUNT_ID.test(account)) throw invalid('account must be the id of an account')
  const { amount, currency } = request
  const digest = detailsDigest(request)
  const key = storedKeyOf(account, request.idempotencyKey)
  const id = newPaymentId(key)
  const hash = fingerprint({ ...request, idempotencyKey: key }, digest)
  const traceparent = activeTraceparent() ?? null
  const extra = extraOf({ id, request, digest, tokenGateway })
  return { id, amount, currency, account, key, hash, traceparent, actor, request, extra }
}

function check(request: PaymentRequest & { readonly currency: string }): void {
  const { amount, currency, idempotencyKey: key } = request
  if (!Number.isSafeInteger(amount) || amount < 1)
    throw invalid(`amount must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`)
  if (!/^[A-Z]{3}$/.test(currency)) throw invalid('currency must be three capital letters')
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw invalid('idempotencyKey must be 1 to 255 visible ASCII characters')
  for (const name of Object.keys(MEMBER_RULES) as (keyof typeof MEMBER_RULES)[]) {
    const value = request[name]
    const { fits, text } = MEMBER_RULES[name] as { fits: (member: unknown) => boolean; text: string }
    if (value !== undefined && !fits(value)) throw invalid(`${name} ${text}`)
  }
  if ([request.executeAt, request.expiresAt].some((time) => Number.isNaN(time?.getTime())))
    throw invalid('executeAt and expiresAt must be valid times')
}

interface Extra extends Pick<NewPayment, 'tokenGateway'> {
  readonly id: string
  readonly request: PaymentRequest
  readonly digest: string | undefined
}

/** JSON of what the row of a payment holds besides the plain request; null for a request that says nothing of it. */
function extraOf({ id, request, digest, tokenGateway }: Extra): string | null {
  if (isOfFirstVersion(request)) return null
  const { capture, customerPresent, priority, executeAt, expiresAt } = request
  const { paymentMethod, customer, reference, description, statementDescriptor, metadata } = request
  const details = digest !== undefined && {
    payment_id: id,
    payment_method: paymentMethod,
    customer,
    reference,
    description,
    statement_descriptor: statementDescriptor,
    metadata,
    return_url: request.returnUrl,
    digest,
  }
  return JSON.stringify({
    manual_capture: capture === 'manual' || undefined,
    customer_present: customerPresent === true || undefined,
    priority: priority === 'default' ? undefined : priority,
    execute_at: executeAt,
    expires_at: expiresAt,
    token_gateway: hasPlainToken(request) ? tokenGateway : undefined,
    ...(details && { details }),
  })
}

function invalid(message: string): PaymentsError {
  return new PaymentsError('INVALID_PAYMENT', message)
}

/** What the database decides about a new payment. */
type NewRow = Pick<Payment, 'id' | 'nextRunAt' | 'createdAt' | 'updatedAt'>
type FoundRow = PaymentRow & { readonly requestHash: string | null; readonly fpVersion: number }

const create = statement<NewRow>('create')
const insertDetails = statement('insert_details')
const findByKey = statement<FoundRow>('find_by_key')

/** A request as records of the database hold it. */
export const requestRecord = recordType<Omit<Prepared, 'account' | 'actor' | 'request' | 'extra'>>(
  'payment_request',
  {
    id: ({ id }) => id,
    amount: ({ amount }) => amount,
    currency: ({ currency }) => currency,
    key: ({ key }) => key,
    hash: ({ hash }) => hash,
    traceparent: ({ traceparent }) => traceparent,
  },
)

/** Stores payments: one statement for all that are new, one more when some keys were taken already. */
export async function createMany(sql: Database, requests: readonly Prepared[]): Promise<CreateAnswer[]> {
  const keys = requests.map(({ key }) => key)
  passStep('payments.creating', () => keys)
  // What is new and its details are one transaction.
  const rows = requests.some(({ extra }) => extra !== null)
    ? await sql.begin((transaction) => insert(transaction, requests))
    : await insert(sql, requests)
  passStep('payments.created', () => keys)
  return answerAll(sql, requests, rows)
}

/** Stores payments in a transaction of the caller, with the same statements. */
export async function createWithin(sql: Queryable, requests: readonly Prepared[]): Promise<CreateAnswer[]> {
  return answerAll(sql, requests, await insert(sql, requests))
}

/** Inserts what is new, and its details when some have any. */
async function insert(sql: Queryable, requests: readonly Prepared[]): Promise<NewRow[]> {
  const hasExtras = requests.some(({ extra }) => extra !== null)
  const rows = await create(sql, {
    requests: requestRecord.encode(requests),
    fpVersion: FINGERPRINT_VERSION,
    actors: requests.map(({ actor }) => actor),
    extras: hasExtras ? requests.map(({ extra }) => extra) : [],
  })
  if (!hasExtras) return rows
  const inserted = new Set(rows.map(({ id }) => id))
  const extras = requests.flatMap(({ id, extra }) => (inserted.has(id) && extra !== null ? [extra] : []))
  await insertDetails(sql, { extras })
  return rows
}

async function answerAll(
  sql: Queryable,
  requests: readonly Prepared[],
  rows: readonly NewRow[],
): Promise<CreateAnswer[]> {
  const inserted = new Map(rows.map((row) => [row.id, row]))
  const taken = requests.filter(({ id }) => !inserted.has(id))
  const found = await findKnown(sql, taken)
  return requests.map((request) => {
    const row = inserted.get(request.id)
    if (row !== undefined) return { kind: 'created', payment: describe(request, row) }
    const known = found.get(request)
    // Only a deleted row gets here: payments are never deleted by the system.
    if (known === undefined) throw invalid('the payment of this idempotency key was deleted by hand')
    return known
  })
}

/** Finds what the keys of requests were given to, in one statement; a request whose key is new is left out. Writes nothing. */
export async function findKnown(
  sql: Queryable,
  requests: readonly Prepared[],
): Promise<ReadonlyMap<Prepared, CreateAnswer>> {
  const keys = [...new Set(requests.map(({ key }) => key))]
  const holders = keys.length === 0 ? [] : await findByKey(sql, { keys })
  const found = new Map(holders.map((row) => [row.idempotencyKey, row]))
  return new Map(
    requests.flatMap((request) => {
      const row = found.get(request.key)
      return row === undefined ? [] : [[request, answerTaken(request, row)]]
    }),
  )
}

/** Finds what the key of a request was given to; undefined when it is new. Writes nothing. */
export async function findReplay(sql: Database, payment: NewPayment): Promise<CreateAnswer | undefined> {
  const request = prepare(payment)
  return (await findKnown(sql, [request])).get(request)
}

/** Refuses times that cannot be met. A repeat of a request stays one after they have passed. */
export async function replayOrRefuse(sql: Database, payment: NewPayment): Promise<CreateAnswer | undefined> {
  if (payment.executeAt === undefined && payment.expiresAt === undefined) return undefined
  const fault = scheduleFaultOf(payment, new Date())
  if (fault === undefined) return undefined
  const known = await findReplay(sql, payment)
  if (known === undefined) throw invalid(`${fault.member} ${fault.text}`)
  return known
}

/** A payment as it begins: its request, and the defaults of its columns, which need not be sent back with each. */
function describe({ amount, currency, account, request }: Prepared, row: NewRow): Payment {
  const { capture = 'automatic', customerPresent = false } = request
  const { priority = 'default', executeAt = null, expiresAt = null } = request
  return {
    amount,
    currency,
    status: 'PENDING',
    account,
    idempotencyKey: request.idempotencyKey,
    fence: 0,
    attemptNo: 0,
    attemptOpen: false,
    retries: 0,
    unknownSince: null,
    needsReview: false,
    failureCode: null,
    failureKind: null,
    gateway: null,
    gatewayRef: null,
    lateChargeRef: null,
    disputeStatus: null,
    openCharges: 0,
    isLookedUp: false,
    parentId: null,
    amountCaptured: 0,
    amountRefunded: 0,
    refundsReserved: 0,
    waitsFor: null,
    waitsUntil: null,
    capture,
    customerPresent,
    priority,
    executeAt,
    expiresAt,
    details: describeDetails(request),
    ...row,
  }
}

function describeDetails(request: PaymentRequest): PaymentDetails | null {
  if (detailsDigest(request) === undefined) return null
  const { paymentMethod = null, customer = null, reference = null, description = null } = request
  const { statementDescriptor = null, metadata = null, returnUrl = null } = request
  const given = { paymentMethod, customer, reference, description, statementDescriptor, metadata }
  return { ...given, returnUrl, nextAction: null, erasedAt: null }
}

function answerTaken({ id, account, request, hash }: Prepared, found: FoundRow): CreateAnswer {
  const { requestHash, fpVersion, ...row } = found
  const payment = toPayment(row)
  // A row from before fingerprints has none; its own fields say the same.
  const stored = requestHash ?? firstFingerprint(payment)
  const isSame =
    fpVersion >= FINGERPRINT_VERSION
      ? stored === hash
      : isOfFirstVersion(request) && stored === firstFingerprint(request)
  // The database keeps keys of accounts apart; nothing of another one is shown if a key was changed there by hand.
  if (!isSame || payment.account !== account) return { kind: 'mismatch' }
  return { kind: payment.id === id ? 'created' : 'replayed', payment }
}
