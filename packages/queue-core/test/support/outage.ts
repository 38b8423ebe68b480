import { onTestFinished } from 'vitest'
import type { ErrorSource, WorkerOptions } from '../../src/index.ts'
import type { RedisNodeClient } from '../../src/redis/connection.ts'
import { startPrivateServer, type PrivateServer, type PrivateServerOptions } from './private-server.ts'
import { connectClient, startRig, type Rig, type RigJobs } from './rig.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** A server, a client and a worker of one test; all end with it. */
export interface Outage {
  readonly server: PrivateServer
  readonly redis: RedisNodeClient
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
  const rig = await startRig(redis, worker)
  onTestFinished(rig.stop)
  return { server, redis, rig }
}

/** An {@link Outage} whose worker reaches the server through a proxy. */
export async function setUpProxied({ worker, ...options }: OutageOptions = {}): Promise<
  Outage & { readonly proxy: TcpProxy }
> {
  const server = await startPrivateServer(options)
  onTestFinished(server.remove)
  const proxy = await startTcpProxy(server.port)
  onTestFinished(proxy.close)
  const redis = await connectClient(server.url)
  onTestFinished(() => redis.destroy())
  const workerRedis = await connectClient(proxy.url)
  onTestFinished(() => workerRedis.destroy())
  const rig = await startRig(redis, worker, workerRedis)
  onTestFinished(rig.stop)
  return { server, redis: workerRedis, rig, proxy }
}

/** Whether the worker met an error of this code. */
export function metError({ rig }: Outage, code: string, during: ErrorSource): boolean {
  return rig.errors().some((event) => event.during === during && codeOf(event.error) === code)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
