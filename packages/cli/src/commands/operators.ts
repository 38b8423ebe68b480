import { createOperatorStore } from '@titan/dashboard/operators'
import { databaseSettings } from '@titan/payments'
import { text } from '@titan/service'
import { command, requiredWords } from '../command.ts'
import { formatTable, formatTimestamp } from '../output.ts'
import { recorded } from './audit.ts'

/** `titan operators create`. */
export const operatorsCreate = command({
  name: 'titan operators create',
  description: 'Create an operator of the dashboard and print the token once.',
  settings: {
    name: text(
      requiredWords(
        'name',
        'Name of the person, shown in the audit record.',
        'text',
        'the name of the operator is missing: titan operators create NAME',
      ),
      { form: /^(?=.*\S)[\p{L}\p{N} ._@+-]{1,100}$/u, rule: '1 to 100 letters, digits, spaces or . _ @ + -' },
    ),
  },
  groups: { config: databaseSettings },
  async run(own, { database, print, complain }) {
    const name = own.name.trim()
    const sql = await database()
    const created = await recorded(
      sql,
      { action: 'operator.create', target: name },
      () => createOperatorStore(sql).create(name),
      (result) => (result === undefined ? 'refused: the name is taken' : `operator ${result.operator.id}`),
    )
    if (created === undefined) {
      complain(`the name ${JSON.stringify(name)} belongs to an active operator: revoke that one first`)
      return false
    }
    // The token alone on standard output: a script can take it as it is.
    print(created, () => created.token)
    process.stderr.write(`operator ${created.operator.id}; the token is not shown again\n`)
    return true
  },
})

/** `titan operators list`. */
export const operatorsList = command({
  name: 'titan operators list',
  description: 'List the operators of the dashboard, oldest first.',
  settings: {},
  groups: { config: databaseSettings },
  async run(_, { database, print }) {
    const operators = await createOperatorStore(await database()).list()
    print({ operators }, () =>
      formatTable(
        operators.map(({ id, name, createdAt, revokedAt }) => ({
          id,
          name,
          state: revokedAt === null ? 'active' : 'revoked',
          created: formatTimestamp(createdAt),
          revoked: formatTimestamp(revokedAt),
        })),
        'no operators',
      ),
    )
    return true
  },
})

/** `titan operators revoke`. */
export const operatorsRevoke = command({
  name: 'titan operators revoke',
  description: 'Revoke an operator and end the sessions at once. Code 1 if the operator does not exist.',
  settings: {
    id: text(
      requiredWords(
        'id',
        'ID of the operator.',
        'id',
        'the id of the operator is missing: run titan operators list',
      ),
      { form: /^[\da-f]{16}$/, rule: 'the id of an operator, as shown by titan operators list' },
    ),
  },
  groups: { config: databaseSettings },
  async run({ id }, { database, print }) {
    const sql = await database()
    const revoked = await recorded(
      sql,
      { action: 'operator.revoke', target: id },
      () => createOperatorStore(sql).revoke(id),
      (result) => (result ? 'revoked' : 'no such active operator'),
    )
    print({ id, revoked }, () => (revoked ? 'revoked' : 'nothing to revoke'))
    return revoked
  },
})
