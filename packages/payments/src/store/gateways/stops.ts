import type { Database, Queryable } from '../database.ts'
import { statement } from '../statements.ts'

/** A stop, as an operator asks for it. */
export interface GatewayStop {
  readonly gateway: string
  readonly stoppedBy: string
  readonly reason: string
}

const stop = statement('stop_gateway')
const start = statement('start_gateway')
const list = statement<ListedGateway>('list_gateways')

/** Stops a gateway for all workers; resolves with whether it was not stopped before. */
export async function stopGateway(sql: Database, asked: GatewayStop): Promise<boolean> {
  return (await stop(sql, { ...asked })).length > 0
}

/** Starts a gateway again; resolves with whether it was stopped. */
export async function startGateway(sql: Database, gateway: string): Promise<boolean> {
  return (await start(sql, { gateway })).length > 0
}

/** A gateway as PostgreSQL knows it. */
export interface ListedGateway {
  readonly gateway: string
  /** Null while it is not stopped. */
  readonly stoppedAt: Date | null
  readonly stoppedBy: string | null
  readonly reason: string | null
  /** Connections of workers that name it. */
  readonly connections: number
  /** A payment waits for it that no other gateway may take. */
  readonly isNeeded: boolean
}

/** Lists the gateways that workers name, that payments wait for, or that are stopped. */
export function listGateways(sql: Queryable): Promise<ListedGateway[]> {
  return list(sql, {})
}
