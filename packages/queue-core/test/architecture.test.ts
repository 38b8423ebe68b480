import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

/** The folders of `src`, from the lowest layer to the highest. A file imports from its own folder and from those before it. */
const LAYERS: readonly string[] = ['async', 'model', 'redis/clients', 'redis', 'producer', 'worker', '']
/** Files in a folder at most. */
const FOLDER_SIZE = 20

const root = new URL('../', import.meta.url)

interface SourceFile {
  readonly folder: string
  readonly name: string
  readonly text: string
}

function filesOf(base: string, end: string): SourceFile[] {
  return readdirSync(new URL(`${base}/`, root), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(end))
    .map((path) => {
      const parts = path.slice(0, -end.length).split('/')
      return {
        folder: parts.slice(0, -1).join('/'),
        name: parts.at(-1) ?? '',
        text: readFileSync(new URL(`${base}/${path}`, root), 'utf8'),
      }
    })
}

const sources = filesOf('src', '.ts')
const scripts = filesOf('lua', '.lua')

/** The folders that a file imports from. */
function importedFolders({ folder, text }: SourceFile): string[] {
  return [...text.matchAll(/from '(\.\.?\/[\w./-]+)\.ts'/g)].map((match) => {
    const { pathname } = new URL(match[1] ?? '', `file:///${folder === '' ? '' : `${folder}/`}`)
    return pathname.split('/').slice(1, -1).join('/')
  })
}

describe('sources', () => {
  test('lie in folders that have a layer each, with as many files as a reader can survey', () => {
    expect([...new Set(sources.map(({ folder }) => folder))].toSorted()).toEqual(LAYERS.toSorted())
    for (const layer of LAYERS)
      expect(sources.filter(({ folder }) => folder === layer).length, layer).toBeLessThanOrEqual(FOLDER_SIZE)
  })

  test.each(sources)('$folder/$name imports from its own layer and those below', (file) => {
    const own = LAYERS.indexOf(file.folder)
    expect(importedFolders(file).filter((folder) => LAYERS.indexOf(folder) > own)).toEqual([])
  })

  test('speak to clients in their adapters only, and import none', () => {
    const speaking = sources.filter(({ text }) => text.includes('.sendCommand'))
    expect(new Set(speaking.map(({ folder }) => folder))).toEqual(new Set(['redis/clients']))
    for (const { name, text } of sources) expect(text, name).not.toMatch(/from '(io)?(redis|valkey)'/)
  })

  test('match the text of error replies in one file only', () => {
    const matching = sources.filter(({ text }) =>
      /['"/^(|](NOGROUP|NOSCRIPT|MOVED|UNBLOCKED|READONLY|OOM|WRONGTYPE|NOPERM)\b/.test(text),
    )
    expect(matching.map(({ name }) => name)).toEqual(['replies'])
  })

  test('of the pure layers know nothing of connections', () => {
    for (const { name, folder, text } of sources)
      if (folder === 'async' || folder === 'model') expect(text, name).not.toMatch(/\.send[(<]/)
  })

  test('clear their timers instead of hiding them', () => {
    for (const { name, text } of sources) expect(text, name).not.toContain('.unref()')
  })
})

describe('scripts', () => {
  test('are all in use', () => {
    const list = sources.find(({ name }) => name === 'scripts')?.text ?? ''
    expect(
      scripts
        .map(({ name }) => name)
        .filter((name) => !list.includes(`'${name}'`) && !list.includes(`  ${name}: '`)),
    ).toEqual([])
  })

  test.each(scripts)('$name tells purpose, arguments and answer', ({ name, text }) => {
    const lines = text.split('\n')
    const header = lines.slice(
      0,
      lines.findIndex((line) => !line.startsWith('--')),
    )
    const body = lines.slice(header.length).join('\n')
    expect(header[0]).toMatch(/^-- [A-Z].*[.:,\w]$/)
    const told = header.join('\n')
    if (/\bKEYS\[/.test(body)) expect(told).toContain('KEYS')
    if (/\bARGV\b/.test(body)) expect(told).toContain('ARGV[')
    if (name !== 'route' && name !== 'common') expect(told).toMatch(/^-- RETURNS {2}/m)
  })

  test.each(scripts)('$name takes every key from KEYS and the time from the server', ({ text }) => {
    expect(text).not.toMatch(/os\.(time|clock)/)
    // A key that is put together in a script is in no slot that a cluster could check.
    expect(text).not.toMatch(/redis\.p?call\('\w+', (ARGV|'[a-z]+:)/)
  })
})
