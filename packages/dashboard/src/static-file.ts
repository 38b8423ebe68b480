import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Context } from 'hono'

/** A file that is served as it is: read once, hashed once, compressed once. */
export interface StaticFile {
  readonly type: string
  readonly body: Uint8Array<ArrayBuffer>
  /** Changes with the content. */
  readonly tag: string
  /** The body under gzip. */
  compressed(): Promise<Uint8Array<ArrayBuffer>>
}

/** What a browser or proxy may keep of a file: the whole file for a year, or nothing without asking. */
export type Keeping = 'immutable' | 'revalidate'

const CACHE_CONTROL: Readonly<Record<Keeping, string>> = {
  immutable: 'public, max-age=31536000, immutable',
  revalidate: 'no-cache',
}

const compress = promisify(gzip)

/** Creates a file from its text or its place. `type` is the media type. */
export function createStaticFile(content: string | URL, type: string): StaticFile {
  const body = typeof content === 'string' ? Buffer.from(content) : readFileSync(content)
  let compressed: Promise<Uint8Array<ArrayBuffer>> | undefined
  return {
    type,
    body,
    tag: hash('sha256', body, 'base64url').slice(0, 22),
    compressed: () => (compressed ??= compress(body)),
  }
}

/** Answers a request with a file, compressed for a client that takes it so, or 304 for one that has it. */
export async function answerStaticFile(
  context: Context,
  file: StaticFile,
  keeping: Keeping,
): Promise<Response> {
  const isCompressed = takesGzip(context.req.header('accept-encoding'))
  const tag = isCompressed ? `"${file.tag}-gzip"` : `"${file.tag}"`
  const headers = { etag: tag, 'cache-control': CACHE_CONTROL[keeping], vary: 'accept-encoding' }
  if (hasTag(context.req.header('if-none-match'), tag)) return context.body(null, 304, headers)
  const body = isCompressed ? await file.compressed() : file.body
  return context.body(body, 200, {
    ...headers,
    'content-type': file.type,
    ...(isCompressed ? { 'content-encoding': 'gzip' } : undefined),
  })
}

/** Whether an `Accept-Encoding` names gzip, and not to refuse it. */
function takesGzip(header = ''): boolean {
  return header.split(',').some((part) => /^\s*(x-)?gzip\s*(;\s*q=(1|0?\.\d*[1-9])\S*)?\s*$/i.test(part))
}

/** Compares as RFC 9110 asks of `If-None-Match`: weakly. */
export function hasTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === tag)
}
