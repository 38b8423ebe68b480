import { createHash } from 'node:crypto'
import type { Keys } from './keys.ts'
import { lua } from './lua.ts'
import type { QueuePartition } from './partition.ts'
import { forbiddenInScript, isForbiddenInScript, isNoScript } from './replies.ts'

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
  trim: 'allow-oom',
  take: 'allow-oom',
  stats: 'no-writes',
  group: 'allow-oom',
  heartbeat: 'allow-oom',
  janitor: 'allow-oom',
} as const

type ScriptName = keyof typeof FLAGS
type ListKeys = (keys: Keys) => readonly string[]

/** The keys that a script takes first. Those that move jobs take the ones of `route.lua`. */
const KEYS: Partial<Record<ScriptName, ListKeys>> = {
  renew: ({ streams, paused }) => [...streams, paused],
  reclaim: ({ streams }) => streams,
  schedule: ({ schedules, slots, control }) => [schedules, slots, control],
  take: ({ rate }) => [rate],
  group: ({ streams }) => streams,
  heartbeat: ({ workers }) => [workers],
  janitor: ({ streams }) => streams,
}

const routeKeys: ListKeys = (keys) => {
  const { delayed, delayedJobs, dlq, live, parked, ordering, sequence, control, slots, paused } = keys
  const others = [delayed, delayedJobs, dlq, live, parked, ordering, sequence, control, slots, paused]
  return [...keys.streams, ...others]
}

/** A Lua script and the SHA-1 by which the server knows it. */
interface Script {
  readonly source: string
  readonly sha: string
}

function load(name: ScriptName): Script {
  const flags = FLAGS[name] === '' ? '' : ` flags=${FLAGS[name]}`
  const files = name in KEYS ? ['common', name] : ['common', 'route', name]
  const source = `#!lua${flags}\n${files.map((file) => lua[file]).join('')}`
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

/** Every script of the library. */
export const scripts: Readonly<Record<ScriptName, Script>> = Object.fromEntries(
  (Object.keys(FLAGS) as ScriptName[]).map((name) => [name, load(name)]),
) as Record<ScriptName, Script>

interface RunOptions {
  /** Keys behind those that the script takes first. */
  readonly moreKeys?: readonly string[]
  /** Whether calls that go out one after the other must be carried out in that order. @default false */
  readonly inOrder?: boolean
  readonly replyWithinMs?: number
}

/**
 * Runs a script by its SHA-1; a server that does not know it (restart, failover, SCRIPT FLUSH) gets the source. It gets
 * the source at once where the order of calls counts: the first call could meet a server that does not know the script,
 * and be sent again behind a later one.
 */
export async function runScript<T>(
  { connection, keys }: QueuePartition,
  name: ScriptName,
  args: readonly string[],
  { moreKeys = [], inOrder = false, ...options }: RunOptions = {},
): Promise<T> {
  const { sha, source } = scripts[name]
  const own = (KEYS[name] ?? routeKeys)(keys)
  const command = ['EVALSHA', sha, String(own.length + moreKeys.length), ...own, ...moreKeys, ...args]
  const sendSource = (): Promise<T> => connection.send(['EVAL', source, ...command.slice(2)], options)
  try {
    if (inOrder) return await sendSource()
    return await connection.send<T>(command, options).catch((error: unknown) => {
      if (isNoScript(error)) return sendSource()
      throw error
    })
  } catch (error) {
    throw isForbiddenInScript(error) ? forbiddenInScript(error, commandsOf(source)) : error
  }
}

/** The commands that a script calls. */
function commandsOf(source: string): string[] {
  return [...new Set([...source.matchAll(/call\('([A-Z]+)'/g)].map(([, command = '']) => command))]
}
