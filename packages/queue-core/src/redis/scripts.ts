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
 * The scripts and their flags. `allow-oom`: ending a lease frees memory, so it must work when memory has run out.
 * https://redis.io/docs/latest/develop/programmability/lua-api/#script-flags
 */
const FLAGS = {
  enqueue: '',
  promote: 'allow-oom',
  settle: 'allow-oom',
  renew: 'allow-oom',
  reclaim: 'allow-oom',
  amend: 'allow-oom',
  schedule: 'allow-oom',
  fire: '',
  unpark: 'allow-oom',
  take: 'allow-oom',
  stats: 'no-writes',
  group: 'allow-oom',
  heartbeat: 'allow-oom',
  janitor: 'allow-oom',
} as const

type ScriptName = keyof typeof FLAGS

/** Those that take the keys of `route.lua` first. */
const MOVING: readonly ScriptName[] = ['enqueue', 'promote', 'settle', 'amend', 'fire', 'unpark', 'stats']

function load(name: ScriptName): Script {
  const flags = FLAGS[name] === '' ? '' : ` flags=${FLAGS[name]}`
  const files = MOVING.includes(name) ? ['common', 'route', name] : ['common', name]
  const source = `#!lua${flags}\n${files.map(read).join('').replaceAll(COMMENT, '')}`
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

/** Every script of the library. */
export const scripts: Readonly<Record<ScriptName, Script>> = Object.fromEntries(
  (Object.keys(FLAGS) as ScriptName[]).map((name) => [name, load(name)]),
) as Record<ScriptName, Script>

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
