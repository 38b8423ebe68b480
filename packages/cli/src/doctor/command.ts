import { PAYMENTS_QUEUE, storeSettings, type Database } from '@titan/payments'
import { printable, type Redis, type SettingsOf } from '@titan/service'
import { command } from '../command.ts'
import { styled } from '../output.ts'
import { diagnose, type Diagnosis, type Severity } from './diagnosis.ts'
import { examined } from './examined.ts'
import { examinePayments } from './payments.ts'
import { examinePostgres } from './postgres.ts'
import { examineQueue } from './queue.ts'
import { examineRedis } from './redis.ts'
import { placeOf } from '../commands/queue.ts'

/** The queues of a system: payments, and outgoing webhooks. */
const QUEUES = [PAYMENTS_QUEUE, 'webhooks']

/** `titan doctor`. */
export const doctor = command({
  name: 'titan doctor',
  description: 'Diagnose servers, queues and payments, and advise what to do. Code 1 on an error.',
  settings: {},
  groups: { config: storeSettings },
  connectTimeoutMs: 3_000,
  async run(_, { config, redis, database, print }) {
    const findings: Diagnosis[] = []
    const openRedis = await attempt('redis.reached', redis, findings)
    const sql = await attempt('postgres.reached', database, findings)
    findings.push(...(await examineAll(openRedis, sql, config)))
    const ok = !findings.some(({ severity }) => severity === 'error')
    print({ ok, findings }, () => formatFindings(findings))
    return ok
  },
})

/** Opens a server; one that cannot be reached is a finding. */
async function attempt<Server>(
  id: string,
  open: () => Promise<Server>,
  all: Diagnosis[],
): Promise<Server | undefined> {
  let server: Server | undefined
  const findings = await examined(id, async () => {
    server = await open()
    return [diagnose(id, 'The server responds.')]
  })
  all.push(...findings)
  return server
}

async function examineAll(
  redis: Redis | undefined,
  sql: Database | undefined,
  config: SettingsOf<{ config: typeof storeSettings }>['config'],
): Promise<Diagnosis[]> {
  const ofRedis = redis === undefined ? [] : await examineRedis(redis)
  const ofPostgres = sql === undefined ? [] : await examinePostgres(sql, config.databasePoolSize)
  const examineOne = (name: string): Promise<Diagnosis[]> =>
    redis === undefined
      ? Promise.resolve([])
      : examined(`${name}.asked`, () => examineQueue(redis.client, placeOf(name, config), name))
  const ofQueues = await Promise.all(QUEUES.map(examineOne))
  // Missing tables cannot be read; the finding on migrations names them.
  const isMigrated = ofPostgres.some(({ id, severity }) => id === 'postgres.migrations' && severity === 'ok')
  const place = placeOf(PAYMENTS_QUEUE, config)
  const ofPayments = sql === undefined || !isMigrated ? [] : await examinePayments(sql, redis?.client, place)
  return [...ofRedis, ...ofPostgres, ...ofQueues.flat(), ...ofPayments]
}

const STYLES = { ok: 'green', info: 'dim', warning: 'yellow', error: 'red' } as const

function formatFindings(findings: readonly Diagnosis[]): string {
  const width = Math.max(...findings.map(({ id }) => id.length))
  const lines = findings.flatMap(({ id, severity, found, advice }) => [
    `${styled(STYLES[severity], severity.padEnd(7))}  ${id.padEnd(width)}  ${printable(found)}`,
    ...(advice === '' ? [] : [`${' '.repeat(width + 11)}→ ${printable(advice)}`]),
  ])
  const count = (wanted: Severity): number => findings.filter(({ severity }) => severity === wanted).length
  return [...lines, '', `${count('error')} errors, ${count('warning')} warnings`].join('\n')
}
