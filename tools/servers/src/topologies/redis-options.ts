import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { LOOPBACK } from '../ports.ts'
import { inspectRedis } from '../redis-binary.ts'
import { findRedisProgram } from '../redis-search.ts'
import { createRedisAccess, type RedisLogin, type TlsFiles } from './redis-access.ts'

/** How to start a topology of Redis servers. */
export interface RedisTopologyOptions {
  /** The program, Redis or Valkey. @default the one that `startRedis` finds, except for a container */
  readonly binary?: string
  /** How long a master is silent before the others replace it. @default 1,000 ms */
  readonly downAfterMs?: number
  /** Whether nodes keep an append-only file, so that one starts again with its data. @default true */
  readonly isPersistent?: boolean
  readonly login?: RedisLogin
  readonly tls?: TlsFiles
  /** The host name that the nodes give to clients. @default 127.0.0.1 */
  readonly announcedHost?: string
  /**
   * A master refuses writes (`NOREPLICAS`) unless this many replicas were heard within two seconds. An isolated, frozen
   * or overtaken master then takes no writes that its successor lacks, apart from those of these two seconds.
   *
   * @default 0
   */
  readonly minReplicasToWrite?: number
  /** More lines of each server's configuration; they win. */
  readonly config?: readonly string[]
}

const MAX_LAG_SECONDS = 2

/** What all nodes of a topology share. */
export type RedisSetup = Awaited<ReturnType<typeof prepareRedis>>

/** Prepares the start of a topology. Its folder is fresh: replicas of an earlier run left their data. */
export async function prepareRedis(folder: string, kind: string, options: RedisTopologyOptions) {
  mkdirSync(folder, { recursive: true })
  const home = mkdtempSync(join(folder, `${kind}-`))
  const { binary, login, tls, isPersistent = true, minReplicasToWrite = 0 } = options
  return {
    home,
    program: binary === undefined ? await findRedisProgram(process.env) : await inspectRedis(binary),
    access: createRedisAccess(login, tls),
    /** The host name that the nodes give to clients. */
    host: options.announcedHost ?? LOOPBACK,
    downAfterMs: options.downAfterMs ?? 1_000,
    /** What each server's configuration begins with. */
    common: [
      'maxmemory-policy noeviction',
      'save ""',
      `appendonly ${isPersistent ? 'yes' : 'no'}`,
      'repl-diskless-sync-delay 0',
      `min-replicas-to-write ${minReplicasToWrite}`,
      `min-replicas-max-lag ${MAX_LAG_SECONDS}`,
    ],
    /** What it ends with. */
    more: options.config ?? [],
  }
}
