import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Context } from 'hono'

const compress = promisify(gzip)

/** A file that is served as it is: read once, hashed once, compressed once. */
export type StaticFile = ReturnType<typeof createStaticFile>

/** Creates a file from its text or its place. `type` is the media type. */
export function createStaticFile(content: string | URL, type: string) {
  const body = typeof content === 'string' ? Buffer.from(content) : readFileSync(content)
  let compressed: ReturnType<typeof compress> | undefined
  return {
    type,
    body,
    /** Changes with the content. */
    tag: hash('sha256', body, 'base64url').slice(0, 22),
    /** The body under gzip. */
    compressed: () => (compressed ??= compress(body)),
  }
}

/**
 * Answers a request with a file, compressed for a client that takes it so, or 304 for one that has it. An `immutable` file
 * may be kept for a year, one to `revalidate` only as long as the server confirms it.
 */
export async function answerStaticFile(
  context: Context,
  file: StaticFile,
  keeping: 'immutable' | 'revalidate',
): Promise<Response> {
  const isCompressed = takesGzip(context.req.header('accept-encoding'))
  const tag = isCompressed ? `"${file.tag}-gzip"` : `"${file.tag}"`
  context.header('etag', tag)
  context.header('vary', 'accept-encoding')
  context.header(
    'cache-control',
    keeping === 'immutable' ? 'public, max-age=31536000, immutable' : 'no-cache',
  )
  if (hasTag(context.req.header('if-none-match'), tag)) return context.body(null, 304)
  context.header('content-type', file.type)
  if (!isCompressed) return context.body(file.body)
  context.header('content-encoding', 'gzip')
  return context.body(await file.compressed())
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

const packages = createRequire(import.meta.url)
const client = (name: string): URL => new URL(`../../client/${name}`, import.meta.url)
const library = (path: string): URL => pathToFileURL(packages.resolve(path))

/** Our own files as they are, and the two libraries from their packages: there is nothing to build. */
const ASSETS: Readonly<Record<string, URL>> = {
  'page.js': client('page.js'),
  'live.js': client('live.js'),
  'charts.js': client('charts.js'),
  'theme.js': client('theme.js'),
  'style.css': client('style.css'),
  'icon.svg': client('icon.svg'),
  'uplot.js': library('uplot/dist/uPlot.esm.js'),
  'uplot.css': library('uplot/dist/uPlot.min.css'),
  'idiomorph.js': library('idiomorph/dist/idiomorph.esm.js'),
}
const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

/** The files of the pages, read once. */
export type Assets = ReturnType<typeof loadAssets>

/** Reads the files of the pages. */
export function loadAssets() {
  const files = new Map(
    Object.entries(ASSETS).map(([name, url]) => [
      name,
      createStaticFile(url, TYPES[name.split('.').at(-1) ?? ''] ?? ''),
    ]),
  )
  const tags = [...files].map(([name, { tag }]) => `${name} ${tag}`).join('\n')
  // The version changes with the content of any file, so browsers may keep files without a limit.
  return { files, version: hash('sha256', tags).slice(0, 16) }
}
