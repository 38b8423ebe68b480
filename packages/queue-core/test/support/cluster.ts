import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedisCluster, type RedisCluster, type RedisTopologyOptions } from '@titan/servers/topologies'
import { connectTestCluster, type ClusterClient, type ClusterOptions } from './cluster-clients.ts'

/** A cluster in a temporary folder, and clients for it. */
export interface TestCluster extends RedisCluster {
  /** The addresses of all nodes. */
  readonly urls: readonly string[]
  /** A connected client, as programs make it. */
  connect(options?: ClusterOptions): Promise<ClusterClient>
}

/** Starts a cluster that notices a dead master after about a second. */
export async function startTestCluster(options: RedisTopologyOptions = {}): Promise<TestCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'titan-cluster-'))
  const cluster = await startRedisCluster(folder, { isPersistent: false, ...options })
  const urls = cluster.nodes.map(({ url }) => url)
  return {
    ...cluster,
    urls,
    connect: (chosen) => connectTestCluster(urls, chosen),
    async stop() {
      await cluster.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
