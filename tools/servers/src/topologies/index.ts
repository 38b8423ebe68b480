// Real server topologies of this machine, whose nodes can be killed, frozen and started again.
export type { TopologyNode } from './node.ts'
export { startSentinelTrio, type SentinelTrio } from './sentinel-trio.ts'
export { startRedisCluster, type ClusterNode, type RedisCluster } from './redis-cluster.ts'
export type { RedisTopologyOptions } from './redis-options.ts'
export { startPostgresTrio, type PostgresTrio } from './postgres-trio.ts'
export type { PostgresNode } from './postgres-node.ts'
export { startHaproxy, type Haproxy } from './haproxy.ts'
export { startPgBouncer, type PgBouncer } from './pgbouncer.ts'
