import { createOperatorStore, type Operator } from '@titan/dashboard/operators'
import type { DatabaseConfig } from '@titan/payments'
import { EXIT, text, type Program } from '@titan/service'
import { keysCommon, keysSettings, type KeysSettings } from './keys-settings.ts'
import { formatTimestamp, formatTable, writeResult } from '../output.ts'
import { recorded } from './recorded.ts'
import { withOpener } from '../stores.ts'

/** The settings of `titan operators create`. */
export interface OperatorsCreateSettings extends KeysSettings {
  readonly name: string
}

/** The program `titan operators create`. */
export const operatorsCreateProgram: Program<OperatorsCreateSettings, { readonly config: DatabaseConfig }> = {
  ...keysCommon,
  name: 'titan operators create',
  description: 'Create an operator of the dashboard and print the token once.',
  settings: {
    name: text(
      {
        flag: 'name',
        takesWords: true,
        about: 'Name of the person, shown in the audit record.',
        hint: 'text',
        shown: '',
      },
      { form: /^[\p{L}\p{N} ._@+-]{1,100}$/u, rule: '1 to 100 letters, digits, spaces or . _ @ + -' },
    ),
    ...keysSettings,
  },
  run: async ({ name, json, connectTimeoutMs }, { config }) => {
    const program = 'titan operators create'
    const complain = (problem: string, code: number): number => {
      process.stderr.write(`${program}: ${problem}\n`)
      return code
    }
    if (name.trim() === '')
      return complain('the name of the operator is missing: titan operators create NAME', EXIT.usage)
    return withOpener({ name: program, config, connectTimeoutMs }, async (open) => {
      const sql = await open.database()
      const created = await recorded(
        sql,
        { action: 'operator.create', target: name.trim() },
        () => createOperatorStore(sql).create(name.trim()),
        (result) => (result === undefined ? 'refused: the name is taken' : `operator ${result.operator.id}`),
      )
      if (created === undefined)
        return complain(
          `the name ${JSON.stringify(name.trim())} belongs to an active operator: revoke that one first`,
          EXIT.failure,
        )
      // The token alone on standard output: a script can take it as it is.
      writeResult(json, created, () => created.token)
      process.stderr.write(`operator ${created.operator.id}; the token is not shown again\n`)
      return EXIT.ok
    })
  },
}

/** The program `titan operators list`. */
export const operatorsListProgram: Program<KeysSettings, { readonly config: DatabaseConfig }> = {
  ...keysCommon,
  name: 'titan operators list',
  description: 'List the operators of the dashboard, oldest first.',
  settings: keysSettings,
  run: ({ json, connectTimeoutMs }, { config }) =>
    withOpener({ name: 'titan operators list', config, connectTimeoutMs }, async (open) => {
      const operators = await createOperatorStore(await open.database()).list()
      writeResult(json, { operators }, () =>
        operators.length === 0 ? 'no operators' : formatOperators(operators),
      )
      return EXIT.ok
    }),
}

function formatOperators(operators: readonly Operator[]): string {
  const rows = operators.map(({ id, name, createdAt, revokedAt }) => [
    id,
    name,
    revokedAt === null ? 'active' : 'revoked',
    formatTimestamp(createdAt),
    formatTimestamp(revokedAt),
  ])
  return formatTable(['id', 'name', 'state', 'created', 'revoked'], rows)
}

/** The settings of `titan operators revoke`. */
export interface OperatorsRevokeSettings extends KeysSettings {
  readonly id: string
}

/** The program `titan operators revoke`. */
export const operatorsRevokeProgram: Program<OperatorsRevokeSettings, { readonly config: DatabaseConfig }> = {
  ...keysCommon,
  name: 'titan operators revoke',
  description: 'Revoke an operator and end the sessions at once. Code 1 if the operator does not exist.',
  settings: {
    id: text(
      { flag: 'id', takesWords: true, about: 'ID of the operator.', hint: 'id', shown: '' },
      { form: /^[\da-f]{16}$/, rule: 'the id of an operator, as shown by titan operators list' },
    ),
    ...keysSettings,
  },
  run: async ({ id, json, connectTimeoutMs }, { config }) => {
    const program = 'titan operators revoke'
    if (id === '') {
      process.stderr.write(`${program}: the id of the operator is missing: run titan operators list\n`)
      return EXIT.usage
    }
    return withOpener({ name: program, config, connectTimeoutMs }, async (open) => {
      const sql = await open.database()
      const isRevoked = await recorded(
        sql,
        { action: 'operator.revoke', target: id },
        () => createOperatorStore(sql).revoke(id),
        (result) => (result ? 'revoked' : 'no such active operator'),
      )
      writeResult(json, { id, revoked: isRevoked }, () => (isRevoked ? 'revoked' : 'nothing to revoke'))
      return isRevoked ? EXIT.ok : EXIT.failure
    })
  },
}
