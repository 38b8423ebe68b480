import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Database } from '@titan/payments'
import { statement } from './statements.ts'

/** A person who may act in the dashboard. */
export interface Operator {
  readonly id: string
  readonly name: string
  readonly createdAt: Date
  readonly revokedAt: Date | null
}

/** The people who may act. */
export interface OperatorStore {
  /**
   * Creates an operator. The token is known here and never again.
   *
   * @returns undefined when an active operator has this name
   */
  create(name: string): Promise<{ readonly operator: Operator; readonly token: string } | undefined>
  /** Lists operators, oldest first, revoked ones included. */
  list(): Promise<Operator[]>
  /** Revokes an operator, which ends the operator's sessions; false when no active operator has this id. */
  revoke(id: string): Promise<boolean>
  /** Finds the active operator to whom a token belongs. */
  authenticate(token: string): Promise<Operator | undefined>
}

/** `titan_op_` marks the token as a secret for those who scan files for secrets. */
const TOKEN = /^titan_op_([\da-f]{16})_([\w-]{43})$/

const hash = (secret: string): Uint8Array => createHash('sha256').update(secret).digest()

const create = statement<Operator>('create_operator')
const list = statement<Operator>('list_operators')
const revoke = statement<{ readonly id: string }>('revoke_operator')
const find = statement<Operator & { readonly secretHash: Uint8Array }>('find_operator')

/** Creates the store over an open, migrated database. */
export function createOperatorStore(sql: Database): OperatorStore {
  return {
    async create(name) {
      const id = randomBytes(8).toString('hex')
      const secret = randomBytes(32).toString('base64url')
      const [operator] = await create(sql, { id, name, secretHash: hash(secret) })
      return operator && { operator, token: `titan_op_${id}_${secret}` }
    },
    list: () => list(sql, {}),
    async revoke(id) {
      return (await revoke(sql, { id })).length > 0
    },
    async authenticate(token) {
      const [, id, secret] = TOKEN.exec(token) ?? []
      if (id === undefined || secret === undefined) return undefined
      const [row] = await find(sql, { id })
      if (row === undefined || !timingSafeEqual(hash(secret), row.secretHash)) return undefined
      const { secretHash: _secretHash, ...operator } = row
      return operator
    },
  }
}
