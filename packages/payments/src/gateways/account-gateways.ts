import { startLoop, withDeadline, type Loop } from '@titan/queue-core/async'
import { PaymentsError } from '../domain/errors.ts'
import { readPlace } from '../domain/accounts/place.ts'
import type { CredentialStore, SealedCredentials, Variables } from '../store/accounts/credentials.ts'
import type { Gateway } from './gateway.ts'
import { withMembers, type Gateways } from './gateways.ts'

export interface AccountGatewaysOptions {
  /** Those of the program, which serve accounts without credentials. */
  readonly gateways: Gateways
  readonly credentials: Pick<CredentialStore, 'changedAfter' | 'open'>
  /** Creates a gateway of the program behind separate limits, with an account's variables over those of the program. */
  readonly create: (name: string, variables: Variables) => Promise<Gateway>
  /**
   * Called once when credentials cannot be read or make no gateway: nothing is sent for those accounts meanwhile. They are tried
   * again, ever more rarely.
   */
  readonly onError: (error: unknown) => void
  /** Called when they make one after all. */
  readonly onRestored?: ((place: string) => void) | undefined
  /** Time after which a change is seen, in milliseconds. @default 2000 */
  readonly intervalMs?: number | undefined
}

interface Known {
  readonly credentials: SealedCredentials
  /** What the gateway was made of. */
  readonly variables: string
  /** Undefined when it could not be made. */
  readonly gateway: Gateway | undefined
  /** How often in a row it could not be made, and when it is tried again, by the monotonic clock in milliseconds. */
  readonly failures: number
  readonly retryAt: number
}

/** Calls under way at a gateway whose credentials were replaced end within this time, in milliseconds. */
const CLOSE_AFTER_MS = 120_000
const INTERVAL_MS = 2_000
/** Longest time until credentials that made no gateway are tried again, in milliseconds. */
const MAX_RETRY_MS = 60_000
/** Longest creation of a gateway, in milliseconds: the other accounts wait for it. */
const CREATE_MS = 10_000

/**
 * The gateways of a program, and those of accounts with their own credentials. An account with credentials is never
 * served by the gateway of the program: while its credentials cannot be read, its payments wait.
 *
 * Credentials are read at the start. As long as there are any, changes are looked for; without any, a claim that another
 * place is for has them looked for.
 */
export class AccountGateways implements Gateways {
  readonly #options: AccountGatewaysOptions
  readonly #places = new Map<string, Known>()
  readonly #current = new Map<string, string>()
  readonly #closing = new Set<NodeJS.Timeout>()
  #latest: Date | undefined
  #loop: Loop | undefined
  #isWanted = false

  constructor(options: AccountGatewaysOptions) {
    this.#options = options
  }

  get names(): readonly string[] {
    return this.#options.gateways.names
  }

  get hasAccounts(): boolean {
    return this.#places.size > 0
  }

  get places(): readonly string[] {
    return [...this.#places.keys()]
  }

  get(name: string, account?: string): Gateway | undefined {
    const current = account === undefined ? undefined : this.#current.get(keyOf(name, account))
    const place = current ?? (readPlace(name) === undefined ? undefined : name)
    if (place === undefined) return this.#options.gateways.get(name)
    const known = this.#places.get(place)
    if (known === undefined) this.refresh()
    return known?.gateway
  }

  /** Returns the gateways under all credentials that an account has or had at one, the present ones first. */
  ofAccount(name: string, account: string): readonly Gateway[] {
    const places = [...this.#places.values()]
      .filter(({ credentials: one }) => one.gateway === name && one.account === account)
      .toSorted((one, other) => other.credentials.number - one.credentials.number)
    if (places.length === 0) this.refresh()
    return places.flatMap(({ gateway }) => gateway ?? [])
  }

  /** Reads the credentials, and begins to look for changes. */
  async start(): Promise<void> {
    await this.#read()
    const { intervalMs = INTERVAL_MS, onError } = this.#options
    this.#loop = startLoop(async () => {
      if (this.#isWanted || this.hasAccounts) await this.#read()
      await this.#retry()
      return intervalMs
    }, onError)
  }

  /** Has changes looked for soon. */
  refresh(): void {
    this.#isWanted = true
  }

  async close(): Promise<void> {
    await this.#loop?.stop()
    for (const timer of this.#closing) clearTimeout(timer)
    await Promise.all([...this.#places.values()].map(async ({ gateway }) => gateway?.close?.()))
    await this.#options.gateways.close()
  }

  async #read(): Promise<void> {
    this.#isWanted = false
    for (const credentials of await this.#options.credentials.changedAfter(this.#latest)) {
      this.#latest = credentials.updatedAt
      const known = this.#places.get(credentials.place)
      const isKnown = known?.credentials.updatedAt.getTime() === credentials.updatedAt.getTime()
      if (!isKnown) await this.#take(credentials, known)
    }
  }

  async #retry(): Promise<void> {
    for (const [place, known] of this.#places)
      if (known.gateway === undefined && known.retryAt <= performance.now())
        this.#places.set(place, await this.#open(known.credentials, known))
  }

  async #take(credentials: SealedCredentials, known: Known | undefined): Promise<void> {
    const { place, gateway, account, endedAt } = credentials
    this.#places.set(place, await this.#open(credentials, known))
    const key = keyOf(gateway, account)
    if (endedAt === null) this.#current.set(key, place)
    else if (this.#current.get(key) === place) this.#current.delete(key)
  }

  async #open(credentials: SealedCredentials, known: Known | undefined): Promise<Known> {
    const { place } = credentials
    try {
      const opened = this.#options.credentials.open(credentials)
      const variables = JSON.stringify(opened)
      if (known?.gateway !== undefined && known.variables === variables) return { ...known, credentials }
      this.#closeLater(known?.gateway)
      const gateway = atPlace(await this.#create(credentials, opened), place)
      if ((known?.failures ?? 0) > 0) this.#options.onRestored?.(place)
      return { credentials, variables, gateway, failures: 0, retryAt: 0 }
    } catch (error) {
      this.#closeLater(known?.gateway)
      return this.#fail(credentials, known, error)
    }
  }

  #fail(credentials: SealedCredentials, known: Known | undefined, error: unknown): Known {
    const { intervalMs = INTERVAL_MS, onError } = this.#options
    const before = known?.credentials === credentials ? known.failures : 0
    if (before === 0) onError(error)
    const failures = before + 1
    const retryAt = performance.now() + Math.min(MAX_RETRY_MS, intervalMs * 2 ** failures)
    return { credentials, variables: '', gateway: undefined, failures, retryAt }
  }

  /** What a gateway says of its variables may quote them. */
  async #create({ place, gateway }: SealedCredentials, variables: Variables): Promise<Gateway> {
    const creating = this.#options.create(gateway, variables)
    try {
      return await withDeadline(creating, CREATE_MS, () => new Error('no gateway in time'))
    } catch {
      // One that comes late is not used.
      creating.then((late) => late.close?.()).catch(() => {})
      throw new PaymentsError('GATEWAY_CONFIG', `the credentials ${place} make no gateway: set them again`)
    }
  }

  #closeLater(gateway: Gateway | undefined): void {
    if (gateway?.close === undefined) return
    const timer = setTimeout(() => {
      this.#closing.delete(timer)
      gateway.close?.().catch(this.#options.onError)
    }, CLOSE_AFTER_MS).unref()
    this.#closing.add(timer)
  }
}

/** Attempts are stored with the name of their gateway: that of the place, here. */
export function atPlace(gateway: Gateway, name: string): Gateway {
  const { admit } = withMembers(gateway, {})
  return withMembers(gateway, {
    name,
    admit:
      admit &&
      (async (options) => {
        const admission = await admit(options)
        return { gateway: atPlace(admission.gateway, name), release: admission.release }
      }),
  })
}

function keyOf(gateway: string, account: string): string {
  return `${gateway}@${account}`
}
