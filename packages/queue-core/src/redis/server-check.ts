import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from './connection.ts'
import { QueueError } from '../model/errors.ts'
import { isForbidden } from './replies.ts'

/** Time limit of a reply at the start, shorter than usual, in milliseconds. */
const within = { replyWithinMs: 5_000 }
const LOADING_POLL_MS = 100

/**
 * Refuses a server that cannot keep jobs safe. Needs Redis 7.0 (XAUTOCLAIM that reports deleted entries, script
 * flags) or Valkey. Eviction may drop jobs (https://redis.io/docs/latest/develop/reference/eviction/).
 * Waits while the server loads its data. Where INFO is forbidden, as on some hosted servers, it can only warn.
 * @returns warnings
 * @throws {QueueError} `UNSUPPORTED_SERVER`
 */
export async function checkServer(connection: Connection, allowEviction: boolean): Promise<string[]> {
  const ask = (section: string): Promise<Record<string, string>> =>
    connection.send<string>(['INFO', section], within).then((text) => readInfo(text))
  if (!(await checkVersion(connection))) return [UNKNOWN]
  // A server that reads its data refuses everything else until it is done.
  while ((await ask('persistence'))['loading'] === '1') await delay(LOADING_POLL_MS)
  const memory = await ask('memory')
  const policy = memory['maxmemory_policy'] ?? 'noeviction'
  if (policy === 'noeviction') return []
  const advice = `maxmemory-policy is "${policy}": the server may drop jobs. Set it with CONFIG SET maxmemory-policy noeviction`
  if (allowEviction || memory['maxmemory'] === '0') return [advice]
  throw new QueueError('UNSUPPORTED_SERVER', `${advice}, or give allowEviction`)
}

/**
 * Refuses a server that is too old. Returns false where INFO is forbidden and nothing is known.
 * @throws {QueueError} `UNSUPPORTED_SERVER`
 */
export async function checkVersion(connection: Connection): Promise<boolean> {
  const text = await connection.send<string>(['INFO', 'server'], within).catch(undefinedIfForbidden)
  if (text === undefined) return false
  const version = readInfo(text)['redis_version'] ?? ''
  if (Number(version.split('.')[0]) >= 7) return true
  throw new QueueError(
    'UNSUPPORTED_SERVER',
    `Redis ${version} is too old: Redis 7.0 or Valkey 7.2 and newer are supported`,
  )
}

const UNKNOWN =
  'INFO is forbidden: cannot tell whether the server is Redis 7.0 or newer, nor whether its maxmemory-policy is noeviction'

function undefinedIfForbidden(error: unknown): undefined {
  if (isForbidden(error)) return undefined
  throw error
}

/** The server's clock, epoch milliseconds. */
export async function serverNow(connection: Connection): Promise<number> {
  const [seconds = '0', micros = '0'] = await connection.send<string[]>(['TIME'])
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
}

function readInfo(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split('\r\n').flatMap((line) => {
      const colon = line.indexOf(':')
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : []
    }),
  )
}
