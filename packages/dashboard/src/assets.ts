import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** A file that the pages load. */
export interface Asset {
  readonly type: string
  readonly body: string
}

/** The files of the pages, read once. */
export interface Assets {
  /** Changes with the content of any file, so that browsers may keep them for ever. */
  readonly version: string
  find(name: string): Asset | undefined
}

const JAVASCRIPT = 'text/javascript; charset=utf-8'
const CSS = 'text/css; charset=utf-8'
const packages = createRequire(import.meta.url)
const client = (name: string): URL => new URL(`../client/${name}`, import.meta.url)
const library = (path: string): URL => pathToFileURL(packages.resolve(path))

/** Our own files as they are, and the two libraries from their packages: there is nothing to build. */
const FILES: Readonly<Record<string, { readonly url: URL; readonly type: string }>> = {
  'page.js': { url: client('page.js'), type: JAVASCRIPT },
  'live.js': { url: client('live.js'), type: JAVASCRIPT },
  'charts.js': { url: client('charts.js'), type: JAVASCRIPT },
  'theme.js': { url: client('theme.js'), type: JAVASCRIPT },
  'style.css': { url: client('style.css'), type: CSS },
  'icon.svg': { url: client('icon.svg'), type: 'image/svg+xml' },
  'uplot.js': { url: library('uplot/dist/uPlot.esm.js'), type: JAVASCRIPT },
  'uplot.css': { url: library('uplot/dist/uPlot.min.css'), type: CSS },
  'idiomorph.js': { url: library('idiomorph/dist/idiomorph.esm.js'), type: JAVASCRIPT },
}

/** Reads the files of the pages. */
export function loadAssets(): Assets {
  const assets = new Map<string, Asset>()
  const hash = createHash('sha256')
  for (const [name, { url, type }] of Object.entries(FILES)) {
    const body = readFileSync(url, 'utf8')
    hash.update(`${name} ${body.length} ${body}`)
    assets.set(name, { type, body })
  }
  return { version: hash.digest('hex').slice(0, 16), find: (name) => assets.get(name) }
}
