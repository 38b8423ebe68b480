import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { gatewayKeyOf, type ListRequest, type RecordPage } from '@titan/payments'
import { settlesWithin } from '@titan/queue-core/async'
import { textOf } from '@titan/queue-core/text-of'
import { closeWithin } from './close.ts'
import type {
  ActionResult,
  ChargeOutcome,
  ChargeRequest,
  CheckedServer,
  Gateway,
  GatewayCheck,
  GatewayFactory,
  LookupAnswer,
  LookupRequest,
  MovementRequest,
  SampleRequest,
} from './gateway.ts'
import { describe, Mismatch, NotChecked } from './outcome.ts'
import { FaultProxy } from './wire/proxy.ts'
import { differences, holds, isWrite, partsOf, targetOf, type ReceivedRequest } from './wire/received.ts'

/** What all trials of a run share. */
export interface Suite {
  /** URL of the adapter's module. */
  readonly module: string
  readonly create: GatewayFactory
  readonly check: GatewayCheck
  readonly server: CheckedServer | undefined
  /** Longest time that an answer of the gateway takes, in milliseconds. */
  readonly timeoutMs: number
  /** Longest time that an adapter may take after its signal has aborted, in milliseconds. */
  readonly graceMs: number
  /** Parts of a request that hold the key; none before they are found. */
  keyPlaces: readonly string[]
}

type OptionalMethod = 'move' | 'lookup' | 'abandon' | 'completeAction' | 'list' | 'parseWebhook'
type Call<Value> = (options: { readonly signal: AbortSignal }) => Promise<Value>

/** One adapter behind one proxy, while one behaviour is checked. */
export class Trial {
  readonly suite: Suite
  readonly #proxy: FaultProxy | undefined
  readonly #gateways: Gateway[] = []
  readonly #keys = new Set<string>()
  #gateway: Gateway | undefined

  private constructor(suite: Suite, proxy: FaultProxy | undefined) {
    this.suite = suite
    this.#proxy = proxy
  }

  static async open(suite: Suite): Promise<Trial> {
    const { server } = suite
    return new Trial(suite, server === undefined ? undefined : await FaultProxy.start(server.url))
  }

  /** @throws NotChecked for an adapter without a network */
  get proxy(): FaultProxy {
    if (this.#proxy === undefined) throw new NotChecked('the adapter needs no network')
    return this.#proxy
  }

  /** The adapter at the proxy. */
  async gateway(): Promise<Gateway> {
    return (this.#gateway ??= await this.create(this.#proxy?.url ?? ''))
  }

  /** Creates an adapter that talks to a URL, and closes it with the trial. */
  async create(url: string): Promise<Gateway> {
    const gateway = await this.suite.create(this.suite.check.environment(url))
    this.#gateways.push(gateway)
    return gateway
  }

  /** Makes the first attempt of a new payment. */
  newCharge(sample: SampleRequest = this.suite.check.samples.succeeds): ChargeRequest {
    const paymentId = `pay_${randomUUID().replaceAll('-', '')}`
    const reference = `order ${paymentId.slice(-6)}`
    return { reference, ...sample, paymentId, attemptNo: 1, gatewayKey: gatewayKeyOf(paymentId, 1) }
  }

  /** Charges. `aborts`: resolves when the caller gives up. @throws Mismatch when it throws, hangs or leaks a secret */
  async charge(
    request: ChargeRequest,
    { gateway, aborts }: { readonly gateway?: Gateway; readonly aborts?: Promise<void> | undefined } = {},
  ): Promise<ChargeOutcome> {
    const used = gateway ?? (await this.gateway())
    this.#keys.add(request.gatewayKey)
    return this.call('charge', (options) => used.charge(request, options), aborts)
  }

  async move(request: MovementRequest, aborts?: Promise<void>): Promise<ChargeOutcome> {
    const move = await this.optional('move')
    this.#keys.add(request.gatewayKey)
    return this.call('move', (options) => move(request, options), aborts)
  }

  async lookup(request: LookupRequest, aborts?: Promise<void>): Promise<LookupAnswer> {
    const lookup = await this.optional('lookup')
    return this.call('lookup', (options) => lookup(request, options), aborts)
  }

  async abandon(request: LookupRequest, aborts?: Promise<void>): Promise<LookupAnswer> {
    const abandon = await this.optional('abandon')
    return this.call('abandon', (options) => abandon(request, options), aborts)
  }

  async completeAction(request: ActionResult, aborts?: Promise<void>): Promise<LookupAnswer> {
    const complete = await this.optional('completeAction')
    return this.call('completeAction', (options) => complete(request, options), aborts)
  }

  async list(request: ListRequest): Promise<RecordPage> {
    const list = await this.optional('list')
    return this.call('list', (options) => list(request, options))
  }

  /** Resolves with the reason for which a list rejects. @throws Mismatch when it does not */
  async rejectedList(request: ListRequest): Promise<string> {
    const list = await this.optional('list')
    const reason = await this.call('list', (options) => reasonOf(list(request, options)))
    if (reason === undefined) throw new Mismatch('resolves with a page')
    return reason
  }

  /** Returns a method that an adapter may lack. @throws NotChecked */
  async optional<Name extends OptionalMethod>(name: Name): Promise<NonNullable<Gateway[Name]>> {
    const gateway = await this.gateway()
    const method = gateway[name]
    if (method === undefined) throw new NotChecked(`the adapter has no ${name}`)
    return method.bind(gateway) as NonNullable<Gateway[Name]>
  }

  /** Calls the adapter as a worker does, under the rules that hold for every call. */
  async call<Value>(name: string, use: Call<Value>, aborts?: Promise<void>): Promise<Value> {
    const { timeoutMs, graceMs } = this.suite
    const given = new AbortController()
    const aborted = once(given.signal, 'abort')
    const giveUp = (): void => given.abort(new Error('given up'))
    void aborts?.then(giveUp)
    const called = this.#invoke(name, use, given.signal)
    if (!(await settlesWithin(Promise.race([called, aborted]), timeoutMs))) giveUp()
    if (!(await settlesWithin(called, graceMs)))
      throw new Mismatch(
        `${name} hangs after its signal aborted`,
        'Pass the signal to the HTTP client, bodies included.',
      )
    return called
  }

  async #invoke<Value>(name: string, use: Call<Value>, signal: AbortSignal): Promise<Value> {
    try {
      const value = await use({ signal })
      this.requireNoSecret(JSON.stringify(value) ?? '', `the answer of ${name}`)
      return value
    } catch (error) {
      if (error instanceof Mismatch) throw error
      this.requireNoSecret(textOf(error), `an error of ${name}`)
      throw new Mismatch(`${name} throws ${textOf(error, 200)}`, THROWS)
    }
  }

  /** @throws Mismatch when a text holds a secret */
  requireNoSecret(text: string, where: string): void {
    const { environment, secrets } = this.suite.check
    const variables = environment(this.#proxy?.url ?? 'http://127.0.0.1')
    for (const name of secrets) {
      const secret = variables[name]
      if (secret !== undefined && secret !== '' && text.includes(secret))
        throw new Mismatch(`${name} is in ${where}`, 'Keep credentials out of reasons, errors and logs.')
    }
  }

  /** Whether a request is one that moves money under a key. */
  readonly carriesKey = (request: ReceivedRequest): boolean => {
    if (!isWrite(request)) return false
    if ([...this.#keys].some((key) => holds(request, key))) return true
    const headers = this.suite.keyPlaces.filter((place) => place.startsWith('the header '))
    return headers.length === 0 || headers.some((place) => partsOf(request).has(place))
  }

  /** Charges again over a good network, and requires that all requests together charged once. */
  async requireOneCharge(request: ChargeRequest): Promise<Extract<ChargeOutcome, { type: 'SUCCEEDED' }>> {
    this.#proxy?.heal()
    const outcome = await this.charge(request)
    if (outcome.type !== 'SUCCEEDED') throw new Mismatch(`a repeat: ${describe(outcome)}`, ONE_KEY)
    requireMoney(outcome, request)
    const charges = await this.suite.server?.charges?.(request)
    if (charges === undefined) return outcome
    if (charges.length !== 1)
      throw new Mismatch(`the gateway has ${charges.length} charges under one key`, ONE_KEY)
    requireMoney(charges[0] ?? outcome, request)
    return outcome
  }

  /** Requires that repeats under a key were identical. @throws Mismatch */
  checkRepeats(): void {
    // Without a key, a repeat cannot be told from another charge; the rows about keys fail.
    if (this.suite.keyPlaces.length === 0) return
    const groups = Map.groupBy(this.#proxy?.received.filter(this.carriesKey) ?? [], targetOf)
    for (const [target, requests] of groups) {
      const byKey = Map.groupBy(requests, (request) => this.#keyOf(request))
      if (byKey.size > this.#keys.size)
        throw new Mismatch(
          `${byKey.size} keys on the wire for ${this.#keys.size} of ours at ${target}`,
          ONE_KEY,
        )
      for (const [first, ...repeats] of byKey.values())
        for (const repeat of repeats) requireSame(first, repeat)
    }
  }

  #keyOf(request: ReceivedRequest): string {
    const literal = [...this.#keys].find((key) => holds(request, key))
    const parts = partsOf(request)
    const places = this.suite.keyPlaces.filter((place) => place !== 'the body')
    return [...places.map((place) => parts.get(place)), places.length === 0 ? literal : ''].join(' ')
  }

  async close(): Promise<void> {
    await closeWithin(this.suite.graceMs, ...this.#gateways)
    await this.#proxy?.close()
  }
}

/** Returns why a promise rejects; undefined when it does not. */
function reasonOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => textOf(error),
  )
}

const THROWS = 'Return UNKNOWN instead of throwing: a worker cannot tell an error of yours from a charge.'
export const ONE_KEY =
  'Send gatewayKey as the idempotency key, unchanged with every repeat of yours, and with the same body.'

function requireSame(first: ReceivedRequest | undefined, repeat: ReceivedRequest): void {
  const changed = first === undefined ? [] : differences(first, repeat)
  if (changed.includes('the body'))
    throw new Mismatch(
      'a repeat has another body',
      'Build the body from the request alone: no time, no counter, no random id.',
    )
}

/** Requires the amount and currency that were asked for. @throws Mismatch */
export function requireMoney(
  { amount, currency }: Pick<ChargeRequest, 'amount' | 'currency'>,
  wanted: Pick<ChargeRequest, 'amount' | 'currency'>,
): void {
  if (amount !== wanted.amount || currency !== wanted.currency)
    throw new Mismatch(
      `${amount} ${currency} for ${wanted.amount} ${wanted.currency}`,
      'Amounts are in minor units of ISO 4217, currencies three capital letters.',
    )
}

/** Names a charge in an inquiry. */
export function lookupOf(
  { paymentId, gatewayKey }: Pick<ChargeRequest, 'paymentId' | 'gatewayKey'>,
  more: Partial<LookupRequest> = {},
): LookupRequest {
  return { kind: 'charge', paymentId, gatewayKey, ...more }
}

/** Makes a movement about a charge. */
export function movementOf(
  kind: MovementRequest['kind'],
  { paymentId, gatewayKey: chargeKey, amount, currency }: ChargeRequest,
  chargeRef: string,
  amountToMove: number = amount,
): MovementRequest {
  const prefix = { capture: 'cap', void: 'void', refund: 'ref' }[kind]
  const movementId = `${prefix}_${randomUUID().replaceAll('-', '')}`
  const gatewayKey = gatewayKeyOf(movementId, 1)
  return {
    kind,
    movementId,
    paymentId,
    attemptNo: 1,
    gatewayKey,
    amount: amountToMove,
    currency,
    chargeKey,
    chargeRef,
  }
}
