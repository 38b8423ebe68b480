import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { keysOf } from '../src/redis/keys.ts'
import { ERROR_SOURCES } from '../src/model/events.ts'
import { FAILURE_CAUSES } from '../src/model/job.ts'
import { resolveQueue, resolveWorker } from '../src/model/options.ts'

const root = new URL('../../../', import.meta.url)
const own = new URL('../', import.meta.url)
const read = (path: string, from = root): string => readFileSync(new URL(path, from), 'utf8')
const source = (name: string): string => read(`src/${name}.ts`, own)
const all = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? '')),
]

const sourceFiles = readdirSync(new URL('src/', own), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
)

const readme = read('README.md', own)
const documents = [
  'README.md',
  'packages/queue-core/README.md',
  ...readdirSync(new URL('docs/', root)).map((name) => `docs/${name}`),
].filter((path) => path.endsWith('.md'))

/** A link of a package's README to a file of the repository. */
const PUBLISHED = /^https:\/\/github\.com\/titan-queue\/titan-queue\/(?:blob|tree)\/main\/(.+)$/

/** The rows of Markdown tables, by their first cell. */
function rowOf(text: string, option: string): string {
  const row = text
    .split('\n')
    .find((line) => line.startsWith('|') && line.split('|')[1]?.includes(`\`${option}\``))
  return row ?? ''
}

test('the tour of the sources names every file', () => {
  const architecture = read('docs/architecture.md')
  const files = sourceFiles.map((file) => file.replace(/^.*\/|\.ts$/g, ''))
  expect(files.filter((file) => !architecture.includes(`\`${file}\``))).toEqual([])
})

test('the table of packages names every one', () => {
  const architecture = read('docs/architecture.md')
  const folders = ['packages', 'tools'].flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, root))
      .map((name) => `${folder}/${name}`)
      .filter((path) => existsSync(new URL(`${path}/package.json`, root))),
  )
  expect(folders.filter((path) => !architecture.includes(`\`${path}\``))).toEqual([])
})

test('the layout of Redis names every key and every script', () => {
  const layout = read('docs/redis-layout.md')
  const { base, partition: _partition, streams, processed, ...keys } = keysOf('titan', 'payments')
  for (const key of [...Object.values(keys), ...streams, processed('<id>')])
    expect(layout.includes(key) || layout.includes(key.replace(`${base}:`, '…:')), key).toBe(true)
  const lifecycle = read('docs/job-lifecycle.md')
  const scripts = readdirSync(new URL('lua/', own)).map((file) => file.replace(/\.lua$/, ''))
  expect(scripts.filter((name) => !`${layout}${lifecycle}`.includes(`\`${name}`))).toEqual([])
})

test('the catalogue of events names every event, every cause and every source of an error', () => {
  const events = read('docs/events.md')
  const types = all(source('model/events'), /type: '(\w+)'/g)
  expect(types.length).toBeGreaterThan(10)
  const names = [...types, ...FAILURE_CAUSES, ...ERROR_SOURCES]
  expect(names.filter((name) => !events.includes(`\`${name}\``))).toEqual([])
})

test('the README lists every option, and states its default as it is', () => {
  const options = all(
    `${source('model/options')}${source('model/job').split('/** One job for')[0]}`,
    /^ {2}readonly (\w+)\?:/gm,
  )
  expect(options.length).toBeGreaterThan(20)
  expect(options.filter((option) => rowOf(readme, option) === '')).toEqual([])
  const defaults = { ...resolveQueue('q', {}), ...resolveWorker('q', {}) }
  const stated = [
    'maxPayloadBytes',
    'concurrency',
    'maxPrefetch',
    'visibilityMs',
    'maxAttempts',
    'maxCrashes',
  ] as const
  const rowsOfWorker = readme.split('option of `createWorker`')[1] ?? ''
  for (const option of stated)
    expect(rowOf(option === 'maxPayloadBytes' ? readme : rowsOfWorker, option)).toContain(
      `| ${defaults[option]} |`,
    )
  expect(rowOf(rowsOfWorker, 'dedupeMs')).toContain(`| ${defaults.dedupeMs},`)
})

test('the README explains every error code', () => {
  const codes = all(source('model/errors').split('export class')[0] ?? '', /\| '(\w+)'/g)
  expect(codes.length).toBeGreaterThan(5)
  expect(codes.filter((code) => rowOf(readme, code) === '')).toEqual([])
})

test.each(documents)('every link and every file that %s names is there', (path) => {
  const text = read(path)
  for (const target of all(text, /\]\(([^)]+)\)/g)) {
    const published = target.match(PUBLISHED)?.[1]
    if (published === undefined && /^https?:/.test(target)) continue
    // What npm shows is not in the repository's tree.
    if (path === 'packages/queue-core/README.md') expect(target).toMatch(/^(https:|#)/)
    const [file = '', anchor] = (published ?? target).split('#')
    const from = new URL(published === undefined ? path : '', root)
    const linked = file === '' ? new URL(path, root) : new URL(file, from)
    expect(existsSync(linked), target).toBe(true)
    if (anchor === undefined) continue
    const headings = all(readFileSync(linked, 'utf8'), /^#+ (.+)$/gm).map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    )
    expect(headings, target).toContain(anchor)
  }
  for (const file of all(text, /`((?:packages|tools|examples|docs|sql)\/[\w./-]+)`/g))
    expect(existsSync(new URL(file, root)), file).toBe(true)
})
