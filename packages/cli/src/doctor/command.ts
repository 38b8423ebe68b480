import { PAYMENTS_QUEUE, storeSettings, type Database, type StoreConfig } from '@titan/payments'
import { EXIT, milliseconds, printable, type Program, type Redis } from '@titan/service'
import { ok, problem, type Diagnosis, type Severity } from './diagnosis.ts'
import { examinePayments } from './payments.ts'
import { examinePostgres } from './postgres.ts'
import { examineQueue } from './queue.ts'
import { examineRedis } from './redis.ts'
import { styled, writeResult, type Style } from '../output.ts'
import { jsonSetting, version } from '../commands/queue.ts'
import { explain, withOpener } from '../stores.ts'

/** The settings of `titan doctor`. */
export interface DoctorSettings {
  readonly json: boolean
  readonly connectTimeoutMs: number
}

/** The queues of a system: payments, and outgoing webhooks. */
const QUEUES = [PAYMENTS_QUEUE, 'webhooks']

/** The program `titan doctor`. */
export const doctorProgram: Program<DoctorSettings, { readonly config: StoreConfig }> = {
  name: 'titan doctor',
  version,
  description: 'Diagnose servers, queues and payments, and advise what to do. Code 1 on an error.',
  settings: {
    json: jsonSetting,
    connectTimeoutMs: milliseconds(
      {
        flag: 'connect-timeout-ms',
        env: 'CONNECT_TIMEOUT_MS',
        about: 'Time to keep trying to reach PostgreSQL and Redis.',
      },
      { fallback: 3_000, min: 0, max: 3_600_000 },
    ),
  },
  groups: { config: storeSettings },
  run: ({ json, connectTimeoutMs }, { config }) =>
    withOpener({ name: 'titan doctor', config, connectTimeoutMs }, async (open) => {
      const findings: Diagnosis[] = []
      const redis = await attempt('redis.reached', open.redis, findings)
      const sql = await attempt('postgres.reached', open.database, findings)
      findings.push(...(await examineAll(redis, sql, config)))
      const isSound = !findings.some(({ severity }) => severity === 'error')
      writeResult(json, { ok: isSound, findings }, () => formatFindings(findings))
      return isSound ? EXIT.ok : EXIT.failure
    }),
}

/** Opens a server; one that cannot be reached is a finding. */
async function attempt<Server>(
  id: string,
  open: () => Promise<Server>,
  findings: Diagnosis[],
): Promise<Server | undefined> {
  try {
    const server = await open()
    findings.push(ok(id, 'The server responds.'))
    return server
  } catch (error) {
    const reason = explain(error)
    if (reason === undefined) throw error
    findings.push(problem('error', id, reason, 'Check that it runs, and check URL, password and network.'))
    return undefined
  }
}

async function examineAll(
  redis: Redis | undefined,
  sql: Database | undefined,
  { prefix, databasePoolSize }: StoreConfig,
): Promise<Diagnosis[]> {
  const ofRedis = redis === undefined ? [] : await examineRedis(redis)
  const ofPostgres = sql === undefined ? [] : await examinePostgres(sql, databasePoolSize)
  const ofQueues =
    redis === undefined ? [] : await Promise.all(QUEUES.map((name) => examineQueue(redis, prefix, name)))
  // Missing tables cannot be read; the finding on migrations names them.
  const isMigrated = ofPostgres.some(({ id, severity }) => id === 'postgres.migrations' && severity === 'ok')
  const ofPayments = sql === undefined || !isMigrated ? [] : await examinePayments(sql, redis, prefix)
  return [...ofRedis, ...ofPostgres, ...ofQueues.flat(), ...ofPayments]
}

const STYLES: Readonly<Record<Severity, Style>> = {
  ok: 'green',
  info: 'dim',
  warning: 'yellow',
  error: 'red',
}

function formatFindings(findings: readonly Diagnosis[]): string {
  const width = Math.max(...findings.map(({ id }) => id.length))
  const lines = findings.flatMap(({ id, severity, found, advice }) => [
    `${styled(STYLES[severity], severity.padEnd(7))}  ${id.padEnd(width)}  ${printable(found)}`,
    ...(advice === '' ? [] : [`${' '.repeat(width + 11)}→ ${printable(advice)}`]),
  ])
  const count = (wanted: Severity): number => findings.filter(({ severity }) => severity === wanted).length
  return [...lines, '', `${count('error')} errors, ${count('warning')} warnings`].join('\n')
}
