import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Connection } from './connection.ts'
import { isNoScript } from './replies.ts'

/** A Lua script and the SHA-1 by which the server knows it. */
export interface Script {
  readonly source: string
  readonly sha: string
}

/** A line of nothing but a comment: the server needs none. */
const COMMENT = /^ *--.*\n/gm
const folder = new URL('../../lua/', import.meta.url)
const read = (name: string): string => readFileSync(new URL(`${name}.lua`, folder), 'utf8')

/**
 * `allow-oom`: ending a lease frees memory, so it must work when memory has run out.
 * Flags: https://redis.io/docs/latest/develop/programmability/lua-api/#script-flags
 */
function script(flags: string, ...parts: string[]): Script {
  const source = `#!lua${flags === '' ? '' : ` flags=${flags}`}\n${parts.map(read).join('').replaceAll(COMMENT, '')}`
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

/** Every script of the library. */
export const scripts: Readonly<
  Record<
    | 'enqueue'
    | 'promote'
    | 'settle'
    | 'renew'
    | 'reclaim'
    | 'amend'
    | 'schedule'
    | 'fire'
    | 'unpark'
    | 'take'
    | 'stats'
    | 'group'
    | 'heartbeat'
    | 'janitor',
    Script
  >
> = {
  enqueue: script('', 'route', 'enqueue'),
  promote: script('allow-oom', 'route', 'promote'),
  settle: script('allow-oom', 'route', 'settle'),
  renew: script('allow-oom', 'renew'),
  reclaim: script('allow-oom', 'reclaim'),
  amend: script('allow-oom', 'route', 'amend'),
  schedule: script('allow-oom', 'schedule'),
  fire: script('', 'route', 'fire'),
  unpark: script('allow-oom', 'route', 'unpark'),
  take: script('allow-oom', 'take'),
  stats: script('no-writes', 'route', 'stats'),
  group: script('allow-oom', 'group'),
  heartbeat: script('allow-oom', 'heartbeat'),
  janitor: script('allow-oom', 'janitor'),
}

/**
 * Runs a script by its source. Calls that go out one after the other are carried out in that order: by their SHA-1, the
 * first could meet a server that does not know the script, and be sent again behind a later one.
 */
export function runScriptInOrder<T>(
  connection: Connection,
  { source }: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<T> {
  return connection.send<T>(['EVAL', source, String(keys.length), ...keys, ...args])
}

/** Runs a script by its SHA-1; a server that does not know it (restart, failover, SCRIPT FLUSH) gets the source. */
export async function runScript<T>(
  connection: Connection,
  { sha, source }: Script,
  keys: readonly string[],
  args: readonly string[],
  options?: { readonly replyWithinMs?: number },
): Promise<T> {
  const count = String(keys.length)
  try {
    return await connection.send<T>(['EVALSHA', sha, count, ...keys, ...args], options)
  } catch (error) {
    if (!isNoScript(error)) throw error
    return connection.send<T>(['EVAL', source, count, ...keys, ...args], options)
  }
}
