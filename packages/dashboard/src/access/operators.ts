import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Database } from '@titan/payments'
import { statement } from '../statements.ts'

/** A person who may act in the dashboard. */
export interface Operator {
  readonly id: string
  readonly name: string
  readonly createdAt: Date
  readonly revokedAt: Date | null
}

/** `titan_op_` marks the token as a secret for those who scan files for secrets. */
const TOKEN = /^titan_op_([\da-f]{16})_([\w-]{43})$/

const create = statement<Operator>('create_operator')
const list = statement<Operator>('list_operators')
const revoke = statement<{ readonly id: string }>('revoke_operator')
const find = statement<Operator & { readonly secretHash: Uint8Array }>('find_operator')

const digest = (secret: string): Uint8Array => hash('sha256', secret, 'buffer')

/** Creates the store of the people who may act, over an open, migrated database. */
export function createOperatorStore(sql: Database) {
  return {
    /**
     * Creates an operator. The token is known here and never again.
     *
     * @returns undefined when an active operator has this name
     */
    async create(name: string) {
      const id = randomBytes(8).toString('hex')
      const secret = randomBytes(32).toString('base64url')
      const [operator] = await create(sql, { id, name, secretHash: digest(secret) })
      return operator && { operator, token: `titan_op_${id}_${secret}` }
    },
    /** Lists operators, oldest first, revoked ones included. */
    list: () => list(sql, {}),
    /** Revokes an operator, which ends the operator's sessions; false when no active operator has this id. */
    revoke: async (id: string) => (await revoke(sql, { id })).length > 0,
    /** Finds the active operator to whom a token belongs. */
    async authenticate(token: string): Promise<Pick<Operator, 'id' | 'name'> | undefined> {
      const [, id, secret] = TOKEN.exec(token) ?? []
      if (id === undefined || secret === undefined) return undefined
      const [row] = await find(sql, { id })
      if (row === undefined || !timingSafeEqual(digest(secret), row.secretHash)) return undefined
      return { id: row.id, name: row.name }
    },
  }
}
