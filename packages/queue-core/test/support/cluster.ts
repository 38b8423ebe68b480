import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedisCluster, type RedisCluster } from '@titan/servers/topologies'
import { connectTestCluster, type ClusterClient, type ClusterOptions } from './cluster-clients.ts'

/** Three masters with a replica each, processes of this machine, which notice a dead master after about a second. */
export interface TestCluster extends RedisCluster {
  /** The addresses of all nodes. */
  readonly urls: readonly string[]
  /** A connected client, as programs make it. */
  connect(options?: ClusterOptions): Promise<ClusterClient>
}

/** Starts a cluster; `stop` also removes its data. */
export async function startTestCluster(): Promise<TestCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'titan-cluster-'))
  const cluster = await startRedisCluster(folder, { isPersistent: false })
  const urls = cluster.nodes.map(({ url }) => url)
  return {
    ...cluster,
    urls,
    connect: (options) => connectTestCluster(urls, options),
    async stop() {
      await cluster.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
