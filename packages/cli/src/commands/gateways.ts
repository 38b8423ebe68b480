import {
  databaseSettings,
  listGateways,
  startGateway,
  stopGateway,
  type ListedGateway,
} from '@titan/payments'
import { optionalText, text } from '@titan/service'
import { command, requiredWords } from '../command.ts'
import { formatTable, formatTimestamp } from '../output.ts'
import { operator } from '../payments/acts.ts'
import { recorded } from './audit.ts'

const gateway = text(
  requiredWords(
    'name',
    'Name of the gateway.',
    'name',
    'the name of the gateway is missing: run titan gateways list',
  ),
  { form: /^[a-z][a-z0-9_-]{0,39}$/, rule: 'the name of one gateway' },
)

/** `titan gateways list`. */
export const gatewaysList = command({
  name: 'titan gateways list',
  description: 'List the gateways that connected workers name, that are stopped, or that payments wait for.',
  settings: {},
  groups: { config: databaseSettings },
  async run(_, { database, print }) {
    const gateways = await listGateways(await database())
    print({ gateways }, () => formatTable(gateways.map(rowOf), 'no gateways: no worker is connected'))
    return true
  },
})

function rowOf({ gateway: name, stoppedAt, stoppedBy, reason, connections, isNeeded }: ListedGateway) {
  return {
    gateway: name,
    state: stoppedAt === null ? (connections > 0 ? 'active' : 'without worker') : 'stopped',
    'payments wait': isNeeded ? 'yes' : 'no',
    stopped: formatTimestamp(stoppedAt),
    by: stoppedBy ?? '',
    reason: reason ?? '',
  }
}

/** `titan gateways stop`. */
export const gatewaysStop = command({
  name: 'titan gateways stop',
  description:
    'Stop a gateway: workers begin and continue nothing there within seconds; what is under way ends. Its payments wait, or begin at the next gateway of their route.',
  settings: {
    name: gateway,
    reason: optionalText(
      { flag: 'reason', about: 'Why, for your records.', hint: 'text' },
      { form: /^\P{Cc}{1,500}$/u, rule: '1 to 500 printable characters' },
    ),
    operator,
  },
  groups: { config: databaseSettings },
  async run({ name, reason = '', operator: stoppedBy }, { database, print, complain }) {
    const sql = await database()
    const stopped = await recorded(
      sql,
      { action: 'gateway.stop', target: name, operator: stoppedBy, note: reason },
      () => stopGateway(sql, { gateway: name, stoppedBy, reason }),
      (result) => (result ? 'stopped' : 'it was stopped already'),
    )
    const known = (await listGateways(sql)).find((one) => one.gateway === name)
    if (known?.connections === 0) complain(`no connected worker names the gateway ${name}`)
    print({ gateway: name, stopped }, () => (stopped ? 'stopped' : 'it was stopped already'))
    return true
  },
})

/** `titan gateways start`. */
export const gatewaysStart = command({
  name: 'titan gateways start',
  description: 'Start a stopped gateway again. Code 1 if it was not stopped.',
  settings: { name: gateway, operator },
  groups: { config: databaseSettings },
  async run({ name, ...own }, { database, print }) {
    const sql = await database()
    const started = await recorded(
      sql,
      { action: 'gateway.start', target: name, operator: own.operator },
      () => startGateway(sql, name),
      (result) => (result ? 'started' : 'it was not stopped'),
    )
    print({ gateway: name, started }, () => (started ? 'started' : 'it was not stopped'))
    return started
  },
})
