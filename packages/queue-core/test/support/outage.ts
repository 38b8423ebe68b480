import type { TcpProxy } from '@titan/testkit'
import { openTcpProxy } from '@titan/testkit/vitest'
import { onTestFinished } from 'vitest'
import type { ErrorSource, RedisClient, WorkerOptions } from '../../src/index.ts'
import { startPrivateServer, type PrivateServer, type PrivateServerOptions } from './private-server.ts'
import { connectClient, startRig, type Rig, type RigJobs } from './rig.ts'

/** A server, a client and a worker of one test; all end with it. */
export interface Outage {
  readonly server: PrivateServer
  readonly redis: RedisClient
  readonly rig: Rig
}

/** How to set an {@link Outage} up. */
export interface OutageOptions extends PrivateServerOptions {
  readonly worker?: WorkerOptions<RigJobs>
}

export async function setUpOutage({ worker, ...options }: OutageOptions = {}): Promise<Outage> {
  const server = await startPrivateServer(options)
  onTestFinished(server.remove)
  const redis = await connectClient(server.url)
  onTestFinished(() => redis.destroy())
  const rig = await startRig(redis.client, worker)
  onTestFinished(rig.stop)
  return { server, redis: redis.client, rig }
}

/** An {@link Outage} whose worker reaches the server through a proxy. */
export interface ProxiedOutage extends Outage {
  readonly proxy: TcpProxy
  /** Leads new connections of the worker to another port. */
  redirect(toPort: number): void
}

export async function setUpProxied({ worker, ...options }: OutageOptions = {}): Promise<ProxiedOutage> {
  const server = await startPrivateServer(options)
  onTestFinished(server.remove)
  let { port } = server
  const proxy = await openTcpProxy(() => port)
  const redis = await connectClient(server.url)
  onTestFinished(() => redis.destroy())
  const workerRedis = await connectClient(proxy.through(server.url))
  onTestFinished(() => workerRedis.destroy())
  const rig = await startRig(redis.client, worker, workerRedis.client)
  onTestFinished(rig.stop)
  return { server, redis: workerRedis.client, rig, proxy, redirect: (toPort) => void (port = toPort) }
}

/** Whether the worker met an error of this code. */
export function metError({ rig }: Outage, code: string, during: ErrorSource): boolean {
  return rig.errors().some((event) => event.during === during && codeOf(event.error) === code)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
