import type { GatewayMode } from '../../gateways/gateway.ts'
import type { Database } from '../database.ts'
import { statement } from '../statements.ts'

/** A merchant: whom payments, API keys, webhook endpoints and credentials belong to. */
export interface Account {
  readonly id: string
  readonly name: string
  /** Which gateways may take its payments; null for any. */
  readonly mode: GatewayMode | null
  /** Since then nothing of it is claimed; null: it is not paused. */
  readonly pausedAt: Date | null
  readonly createdAt: Date
}

const create = statement<Account>('create_account')
const list = statement<Account>('list_accounts')
const mark = statement<Account>('mark_account')
const pause = statement<Account>('pause_account')
const release = statement<{ readonly count: number }>('release_held')

export type AccountStore = ReturnType<typeof createAccountStore>

/** Creates the store of accounts over an open, migrated database. */
export function createAccountStore(sql: Database) {
  return {
    /** Creates an account; undefined when the id is taken. */
    async create(account: Pick<Account, 'id' | 'name' | 'mode'>): Promise<Account | undefined> {
      return (await create(sql, { ...account }))[0]
    },
    /** Lists accounts, oldest first. */
    list: () => list(sql, { id: null }),
    async get(id: string): Promise<Account | undefined> {
      return (await list(sql, { id }))[0]
    },
    /** Sets the mode, for good; undefined when there is no such account, or when it or its credentials are of the other mode. */
    async mark(id: string, mode: GatewayMode): Promise<Account | undefined> {
      return (await mark(sql, { id, mode }))[0]
    },
    /** Leaves its payments alone from now on; new ones are accepted. Undefined when there is no such account. */
    async pause(id: string): Promise<Account | undefined> {
      return (await pause(sql, { id, isPaused: true }))[0]
    },
    /** Works on its payments again. Returns how many had waited, of those that a worker has met; undefined when there is no such account. */
    async resume(id: string) {
      return sql.begin(async (transaction) => {
        const [account] = await pause(transaction, { id, isPaused: false })
        if (account === undefined) return undefined
        const [released] = await release(transaction, { account: id })
        return { account, released: released?.count ?? 0 }
      })
    },
  }
}
