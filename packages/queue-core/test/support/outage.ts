import { onTestFinished } from 'vitest'
import type { WorkerOptions } from '../../src/index.ts'
import type { RedisNodeClient } from '../../src/connection.ts'
import { startPrivateServer, type PrivateServer, type PrivateServerOptions } from './private-server.ts'
import { connectClient, startRig, type Rig, type RigJobs } from './rig.ts'

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
