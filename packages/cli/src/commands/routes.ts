import { open } from 'node:fs/promises'
import { isInstance, textOf } from '@titan/queue-core/text-of'
import {
  databaseSettings,
  formatRoutes,
  listGateways,
  parseRoutes,
  PaymentsError,
  readRoutes,
  replaceRoutes,
} from '@titan/payments'
import { Failure, text } from '@titan/service'
import { command, requiredWords } from '../command.ts'
import { recorded } from './audit.ts'

/** `titan routes show`. */
export const routesShow = command({
  name: 'titan routes show',
  description: 'Show the rules that choose gateways, in the form that titan routes apply reads.',
  settings: {},
  groups: { config: databaseSettings },
  async run(_, { database, print }) {
    const shown = formatRoutes(await readRoutes(await database()))
    print(shown, () => JSON.stringify(shown, null, 2))
    return true
  },
})

/** `titan routes apply`. */
export const routesApply = command({
  name: 'titan routes apply',
  description: 'Replace all rules that choose gateways. Workers and API follow within seconds.',
  settings: {
    file: text(
      requiredWords(
        'file',
        'JSON file with the rules.',
        'path',
        'the file is missing: titan routes apply FILE',
      ),
      { form: /^[^\0]{1,4096}$/, rule: '1 to 4096 characters' },
    ),
  },
  groups: { config: databaseSettings },
  async run({ file }, { database, print, complain }) {
    let rules
    try {
      rules = parseRoutes(await readSmall(file))
    } catch (error) {
      if (!isInstance(error, PaymentsError)) throw error
      complain(`${file}: ${textOf(error)}; nothing was changed`)
      return false
    }
    const sql = await database()
    const target = `${rules.length} rules`
    await recorded(
      sql,
      { action: 'routes.apply', target, note: JSON.stringify(formatRoutes(rules)).slice(0, 2_000) },
      () => replaceRoutes(sql, rules),
      () => 'applied',
    )
    print({ applied: rules.length }, () => `${target} applied`)
    const workers = await listGateways(sql)
    const named = new Set(rules.flatMap(({ gateways }) => gateways))
    const missing = [...named].filter(
      (name) => !workers.some(({ gateway, connections }) => gateway === name && connections > 0),
    )
    if (missing.length > 0)
      complain(`no connected worker has ${missing.join(', ')} in GATEWAYS; rules pass over what is not there`)
    return true
  },
})

/** Largest file, in bytes. */
const MOST_BYTES = 1_000_000

async function readSmall(path: string): Promise<string> {
  try {
    const file = await open(path)
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_BYTES + 1))
      if (bytesRead > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES} bytes`)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw new Failure(`${path} cannot be read: ${textOf(error)}`, { cause: error })
  }
}
