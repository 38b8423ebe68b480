import { hasControlCharacter, NO_META, type Meta, type StoredJob } from '../model/job.ts'
import { LEVELS, priorityOf, type Level } from '../model/levels.ts'

// How jobs are written in Redis: entries, envelopes, places and ids. Lua's side of it is lua/layout.lua and lua/route.lua;
// the keys are in keys.ts. docs/redis-layout.md describes all three.

/** Released jobs are pending under this consumer, which no worker is: they are ready. */
export const RELEASED = '_released'

// A level counts from 0 in TypeScript, where it indexes arrays, and from 1 in Redis, because Lua's arrays do.

/** Writes a level as scripts, envelopes and places have it. */
export const levelNumber = (level: Level): string => String(level + 1)

/** Reads a level as scripts, envelopes and places have it; the default one where it is damaged. */
export function readLevel(number: number | string | undefined): Level {
  return LEVELS.find((level) => level === Number(number) - 1) ?? 1
}

/** The content of a stream as the server sends it. */
export type Entries = [id: string, fields: string[]][]

/**
 * Decodes the fields of a stream entry: `n` name, `d` data, `m` meta. Returns undefined when they are not those of a
 * job.
 */
export function decodeFields(fields: readonly string[], level: Level): StoredJob | undefined {
  // The order in which the library writes a plain job first: it is the hot path.
  if (fields.length === 4 && fields[0] === 'n' && fields[2] === 'd')
    return { name: fields[1] ?? '', data: fields[3] ?? '', meta: NO_META, level }
  const { n: name, d: data, m: text } = readFields(fields)
  const meta = text === undefined ? NO_META : readMeta(text)
  if (name === undefined || data === undefined || meta === undefined) return undefined
  return { name, data, meta, level }
}

/** The fields of an entry by name. */
export function readFields(fields: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (let i = 0; i + 1 < fields.length; i += 2) found[fields[i] ?? ''] = fields[i + 1] ?? ''
  return found
}

/** Parses JSON; undefined when there is none or it cannot be read. */
export function readJson(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const NUMBERS = ['failures', 'crashes', 'maxAttempts', 'visibilityMs', 'timeoutMs', 'enqueuedAt', 'redrives']
const TEXTS = ['id', 'orderingKey', 'traceparent', 'origin']

/** Reads meta. Others may write to a stream too: what would trip the engine up later reads as undefined. */
function readMeta(text: string): Meta | undefined {
  const meta = readJson(text)
  if (!isRecord(meta)) return undefined
  const { history = [], backoff = {} } = meta
  const isSound =
    NUMBERS.every((key) => meta[key] === undefined || typeof meta[key] === 'number') &&
    TEXTS.every((key) => meta[key] === undefined || isText(meta[key])) &&
    Array.isArray(history) &&
    isRecord(backoff)
  return isSound ? meta : undefined
}

const isText = (value: unknown): boolean => typeof value === 'string' && !hasControlCharacter(value)

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A job outside a stream. */
export interface Envelope {
  readonly id: string
  readonly level: Level
  readonly job: StoredJob | undefined
}

/** Reads an envelope: level, id, dedupe, ordering key, name, meta and data, separated by line feeds. */
export function readEnvelope(text: string): Envelope {
  const [number, id = '', , , name = '', metaText = '', ...data] = text.split('\n')
  const level = readLevel(number)
  const meta = metaText === '' ? NO_META : readMeta(metaText)
  return { id, level, job: meta && { name, data: data.join('\n'), meta, level } }
}

/** Reads the envelope of a parked job, which follows its ordering key and its turn. */
export function readParked(member: string): Envelope {
  return readEnvelope(member.split('\0').slice(2).join('\0'))
}

/** Where the index of live ids says that a job is. */
export type Place =
  | { readonly kind: 'delayed' }
  | { readonly kind: 'parked'; readonly range: readonly [from: string, to: string] }
  | { readonly kind: 'stream'; readonly level: Level; readonly entryId: string }

/** Reads a value of the index: `d`, `p:<turn>:<key>` or `<level>:<entry>:<key>`; undefined when it is none of them. */
export function readPlace(text: string): Place | undefined {
  if (text === 'd') return { kind: 'delayed' }
  const [, level, entryId] = /^([123]):(\d+-\d+):/.exec(text) ?? []
  if (entryId !== undefined) return { kind: 'stream', level: readLevel(level), entryId }
  const [, turn, key] = /^p:(\d+):(.*)$/s.exec(text) ?? []
  if (key === undefined) return undefined
  const from = `[${key}\0${turn}\0`
  return { kind: 'parked', range: [from, `${from}\xff`] }
}

/** The largest number in the id of an entry: 64 bits. */
const MAX_ENTRY_NUMBER = 2n ** 64n - 1n

/** Whether a text can be the id of an entry. The server refuses any other with an error. */
export function isEntryId(text: string): boolean {
  if (!/^\d{1,20}-\d{1,20}$/.test(text)) return false
  return text.split('-').every((number) => BigInt(number) <= MAX_ENTRY_NUMBER)
}

/**
 * Makes the id of a plain job: its entry id, which is unique within one stream only, then the priority unless that is
 * the default, then the partition where there are several.
 */
export function plainJobId(entryId: string, level: Level, partition: number | undefined): string {
  const id = level === 1 ? entryId : `${entryId}-${priorityOf(level)}`
  return partition === undefined ? id : `${id}.${partition}`
}

/** Reads where a plain job is from its id; undefined when {@link plainJobId} does not make such an id. */
export function readPlainJobId(
  id: string,
): { readonly entryId: string; readonly level: Level; readonly partition: number | undefined } | undefined {
  const [, entryId, end, partition] = /^(\d+-\d+)(-high|-low)?(?:\.(\d+))?$/.exec(id) ?? []
  if (entryId === undefined || !isEntryId(entryId)) return undefined
  const level = end === undefined ? 1 : end === '-high' ? 0 : 2
  return { entryId, level, partition: partition === undefined ? undefined : Number(partition) }
}
