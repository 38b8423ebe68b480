import { hash } from 'node:crypto'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { createStaticFile, type StaticFile } from './static-file.ts'

/** Holds the files of the pages, read once. */
export interface Assets {
  /** Changes with the content of any file, so browsers may keep files without a limit. */
  readonly version: string
  find(name: string): StaticFile | undefined
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
  const assets = new Map(
    Object.entries(FILES).map(([name, { url, type }]) => [name, createStaticFile(url, type)]),
  )
  const version = hash('sha256', [...assets].map(([name, { tag }]) => `${name} ${tag}`).join('\n'))
  return { version: version.slice(0, 16), find: (name) => assets.get(name) }
}
