import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

/** From the ground up. A file imports from its own floor and those below. A new file needs a place here. */
const FLOORS: readonly (readonly string[])[] = [
  // Pure: no Redis.
  [
    ...['backoff', 'batcher', 'demand', 'errors', 'events', 'execute', 'job', 'keys', 'lease', 'levels'],
    ...['loop', 'members', 'options', 'outcome', 'pausing', 'schema', 'steps', 'text-of', 'timer', 'tracing'],
    ...['turns', 'within'],
  ],
  // Redis: connections, scripts and commands.
  [
    'broker',
    'connection',
    'enqueue',
    'inspect',
    'locator',
    'partition',
    'peek',
    'scores',
    'scripts',
    'server',
    'settle',
    'stats',
  ],
  // The queue, and leases in hand.
  ['buffer', 'dead-letters', 'held', 'lane', 'limiter', 'new-job', 'queue', 'schedules', 'verdict'],
  // What works: one duty a file.
  [
    ...[
      'claimer',
      'consumer',
      'control',
      'fate',
      'heartbeat',
      'promoter',
      'reader',
      'recoverer',
      'renewer',
      'station',
    ],
    'worker',
  ],
  // What is offered.
  ['index', 'test-clock', 'testing'],
]

const root = new URL('../', import.meta.url)

function filesOf(folder: string, end: string): { readonly name: string; readonly text: string }[] {
  return readdirSync(new URL(`${folder}/`, root))
    .filter((file) => file.endsWith(end))
    .map((file) => ({
      name: file.slice(0, -end.length),
      text: readFileSync(new URL(`${folder}/${file}`, root), 'utf8'),
    }))
}

const sources = filesOf('src', '.ts')
const scripts = filesOf('lua', '.lua')
const floorOf = (name: string): number => FLOORS.findIndex((names) => names.includes(name))

function importsOf(text: string): string[] {
  return [...text.matchAll(/from '\.\/([\w-]+)\.ts'/g)].map((match) => match[1] ?? '')
}

describe('sources', () => {
  test('have a floor each', () => {
    expect(sources.map(({ name }) => name).filter((name) => floorOf(name) < 0)).toEqual([])
  })

  test.each(sources)('$name imports from its own floor and those below', ({ name, text }) => {
    const higher = importsOf(text).filter((imported) => floorOf(imported) > floorOf(name))
    expect(higher).toEqual([])
  })

  test('speak to the client in the files of connections only', () => {
    const speaking = sources.filter(({ text }) => text.includes('.sendCommand')).map(({ name }) => name)
    expect(speaking.toSorted()).toEqual(['connection', 'locator'])
  })

  test('on the ground floor know nothing of connections', () => {
    for (const { name, text } of sources)
      if (floorOf(name) === 0) expect(text, name).not.toMatch(/\.send[(<]|from 'redis'/)
  })

  test('clear their timers instead of hiding them', () => {
    for (const { name, text } of sources) expect(text, name).not.toContain('.unref()')
  })
})

describe('scripts', () => {
  test('are all in use', () => {
    const list = sources.find(({ name }) => name === 'scripts')?.text ?? ''
    expect(scripts.map(({ name }) => name).filter((name) => !list.includes(`'${name}'`))).toEqual([])
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
    if (name !== 'route') expect(told).toMatch(/^-- RETURNS {2}/m)
  })

  test.each(scripts)('$name takes every key from KEYS and the time from the server', ({ text }) => {
    expect(text).not.toMatch(/os\.(time|clock)/)
    // A key that is put together in a script is in no slot that a cluster could check.
    expect(text).not.toMatch(/redis\.p?call\('\w+', (ARGV|'[a-z]+:)/)
  })
})
