import type { Socket } from 'node:net'
import postgres from 'postgres'
import { brokenSocket, dial, endInTime } from './socket.ts'
import type { DatabaseTarget, Server } from './url.ts'

/** What a server says that it is. */
export interface Role {
  readonly isStandby: boolean
  /** The system identifier of its cluster, '' where it cannot be read: pg_upgrade makes another one, which begins at timeline 1. */
  readonly cluster: string
  /**
   * Grows with each promotion: of two servers that both take writes, the one with the lower timeline is an old primary.
   * 0 where it cannot be read.
   */
  readonly timeline: number
}

/** The longest wait for what a server says, in milliseconds. */
const ROLE_WITHIN_MS = 2_000

/** What a connection logs in with, for the driver. */
export function loginOf({ user, password, database }: DatabaseTarget) {
  return {
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(database !== undefined && { database }),
  }
}

/** Reads the role of a server over a separate connection. @throws Error when it does not respond in time */
export async function askRole(target: DatabaseTarget, server: Server): Promise<Role> {
  const deadline = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => deadline.reject(new Error(`no answer within ${ROLE_WITHIN_MS} ms`)),
    ROLE_WITHIN_MS,
  )
  const sql = postgres({
    ...loginOf(target),
    max: 1,
    connect_timeout: ROLE_WITHIN_MS / 1_000,
    fetch_types: false,
    prepare: false,
    ssl: false,
    ...({
      host: [server.host],
      port: [server.port],
      socket: () => open(target, server).catch(brokenSocket),
    } as object),
    onnotice: () => {},
    connection: { application_name: 'titan-role', ...target.startup },
  })
  try {
    return await Promise.race([ask(sql), deadline.promise])
  } finally {
    clearTimeout(timer)
    void sql.end({ timeout: 0 })
  }
}

async function open({ tls }: DatabaseTarget, server: Server): Promise<Socket> {
  const socket = await dial(server, tls, ROLE_WITHIN_MS)
  endInTime(socket)
  return socket
}

async function ask(sql: postgres.Sql): Promise<Role> {
  const [row] = await sql.unsafe('select pg_is_in_recovery() as "isStandby"')
  const isStandby = row?.['isStandby'] !== false
  const cluster = await readText(sql, 'system_identifier::text as value from pg_control_system()')
  if (isStandby) return { isStandby, cluster, timeline: 0 }
  // Not pg_control_checkpoint(), which names the old timeline until the first checkpoint after a promotion.
  const segment = 'pg_walfile_name(pg_current_wal_lsn())'
  const timeline = await readText(sql, `('x' || left(${segment}, 8))::bit(32)::int::text as value`)
  return { isStandby, cluster, timeline: Number(timeline) }
}

/** Selects one text; '' where there is none, because not every service has these functions. */
async function readText(sql: postgres.Sql, columns: string): Promise<string> {
  const found = await sql.unsafe(`select ${columns}`).catch(() => [])
  return String(found[0]?.['value'] ?? '')
}
