import { PaymentsError } from '../../domain/errors.ts'
import { placeNameOf } from '../../domain/accounts/place.ts'
import type { GatewayMode } from '../../gateways/gateway.ts'
import type { Database, Queryable } from '../database.ts'
import { statement } from '../statements.ts'

/** Encrypts credentials; a text opens only in the context that it was sealed in. */
export interface Seal {
  seal(text: string, context: string): Uint8Array
  open(sealed: Uint8Array, context: string): string
}

/** Variables over those of the program, such as `STRIPE_SECRET_KEY`. */
export type Variables = Readonly<Record<string, string>>

/** Credentials of an account at a gateway, as they may be shown. */
export interface Credentials {
  /** Names the gateway under these credentials, in attempts and in the path of its webhooks. */
  readonly place: string
  readonly account: string
  readonly gateway: string
  readonly number: number
  readonly mode: GatewayMode | null
  readonly createdAt: Date
  readonly updatedAt: Date
  /** Since then no attempt has begun under them. */
  readonly endedAt: Date | null
}

/** Credentials as they are stored. */
export interface SealedCredentials extends Credentials {
  readonly sealed: Uint8Array
}

/** Credentials to store. */
export interface NewCredentials extends Pick<Credentials, 'account' | 'gateway' | 'mode'> {
  readonly variables: Variables
  /** Whether they are of the account at the gateway that the present ones are of. Required when there are present ones. */
  readonly gatewayAccount?: 'same' | 'other' | undefined
}

const add = statement('add_credentials')
const changed = statement<SealedCredentials>('changed_credentials')
const end = statement<Pick<Credentials, 'place'>>('end_credentials')
const find = statement<SealedCredentials>('find_credentials')
const list = statement<SealedCredentials>('list_credentials')
const lockAccount = statement('lock_account')
const seal = statement('seal_credentials')

/** A transaction that changed credentials and began before another one ends after it within this time, in milliseconds. */
const OVERLAP_MS = 60_000

/** The credentials of accounts at gateways, over an open, migrated database. */
export class CredentialStore {
  readonly #sql: Database
  readonly #seal: Seal

  constructor(sql: Database, box: Seal) {
    this.#sql = sql
    this.#seal = box
  }

  /**
   * Stores credentials; returns their place. Those of the `same` account at the gateway replace the present ones, also for what
   * has begun under them. Those of an `other` one are a new place: what has begun continues under the present ones.
   *
   * @throws {PaymentsError} `CREDENTIALS_REFUSED`
   */
  async set(given: NewCredentials): Promise<string> {
    const { account, gateway, mode, gatewayAccount } = given
    return this.#sql.begin(async (transaction) => {
      const [locked] = await lockAccount(transaction, { id: account })
      if (locked === undefined) throw refused(`there is no account ${account}`)
      const places = (await list(transaction, { account })).filter((known) => known.gateway === gateway)
      const current = places.find(({ endedAt }) => endedAt === null)
      if (current !== undefined && gatewayAccount === undefined)
        throw refused(
          `${account} has credentials at ${gateway}: say whether these are of the same account there`,
        )
      if (current === undefined || gatewayAccount === 'other') {
        if (current !== undefined) await end(transaction, { account, gateway })
        const number = Math.max(0, ...places.map((place) => place.number)) + 1
        return this.#add(transaction, given, number)
      }
      if (current.mode !== mode)
        throw refused(`${current.place} is for ${current.mode} money, these are for ${mode}`)
      await seal(transaction, { place: current.place, sealed: this.#sealed(current.place, given.variables) })
      return current.place
    })
  }

  async #add(sql: Queryable, { account, gateway, mode, variables }: NewCredentials, number: number) {
    const place = placeNameOf({ gateway, account, number })
    await add(sql, { place, account, gateway, number, mode, sealed: this.#sealed(place, variables) })
    return place
  }

  /** Lists credentials without their secrets. */
  async list(account?: string): Promise<Credentials[]> {
    const rows = await list(this.#sql, { account: account ?? null })
    return rows.map(({ sealed: _sealed, ...shown }) => shown)
  }

  /** Ends the current credentials; false when there are none. What has begun under them continues. */
  async end(account: string, gateway: string): Promise<boolean> {
    return (await end(this.#sql, { account, gateway })).length > 0
  }

  /** Encrypts all credentials anew, under the first key; returns their number. */
  async reseal(): Promise<number> {
    return this.#sql.begin(async (transaction) => {
      const all = await list(transaction, { account: null })
      for (const { account } of all) await lockAccount(transaction, { id: account })
      for (const { place, ...row } of await list(transaction, { account: null }))
        await seal(transaction, { place, sealed: this.#sealed(place, this.open({ place, ...row })) })
      return all.length
    })
  }

  async find(place: string): Promise<SealedCredentials | undefined> {
    return (await find(this.#sql, { place }))[0]
  }

  /** Reads what has changed after a time, or everything. The latest change is the last. */
  changedAfter(after: Date | undefined): Promise<SealedCredentials[]> {
    return changed(this.#sql, { overlapMs: OVERLAP_MS, after: after ?? null })
  }

  /** @throws the error of the seal when it cannot be opened */
  open({ place, sealed }: Pick<SealedCredentials, 'place' | 'sealed'>): Variables {
    return JSON.parse(this.#seal.open(sealed, contextOf(place))) as Variables
  }

  #sealed(place: string, variables: Variables): Uint8Array {
    return this.#seal.seal(JSON.stringify(variables), contextOf(place))
  }
}

function contextOf(place: string): string {
  return `gateway_credentials ${place}`
}

function refused(message: string): PaymentsError {
  return new PaymentsError('CREDENTIALS_REFUSED', message)
}
