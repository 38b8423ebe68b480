import { describe, expect, it } from 'vitest'
import { choice, milliseconds, parseDurationMs, serverUrl, text, toggle, wholeNumber } from '../src/index.ts'
import {
  InvalidSettings,
  readGroups,
  readSettings,
  settingsGroup,
  type SettingsTable,
} from '../src/settings.ts'

interface Example {
  readonly count: number
  readonly waitMs: number
  readonly name: string
  readonly color: 'red' | 'blue'
  readonly loud: boolean
}

const table: SettingsTable<Example> = {
  count: wholeNumber({ flag: 'count', env: 'COUNT', about: '' }, { fallback: 3, min: 1, max: 10 }),
  waitMs: milliseconds(
    { flag: 'wait-ms', env: 'WAIT_MS', alsoEnv: ['WAIT'], about: '' },
    { fallback: 100, min: 0, max: 60_000 },
  ),
  name: text(
    { flag: 'name', env: 'NAME', about: '' },
    { fallback: 'nobody', form: /^\w+$/, rule: 'one word' },
  ),
  color: choice({ flag: 'color', env: 'COLOR', about: '' }, ['red', 'blue'], 'red'),
  loud: toggle({ flag: 'loud', env: 'LOUD', about: '' }, false),
}

const read = (flags: Record<string, string>, environment: Record<string, string> = {}): Example =>
  readSettings(table, { flags: new Map(Object.entries(flags)), environment })

function faultsOf(call: () => unknown): readonly string[] {
  try {
    call()
  } catch (error) {
    if (error instanceof InvalidSettings) return error.issues
    throw error
  }
  return []
}

describe('readSettings', () => {
  it('takes the defaults when nothing is given', () => {
    expect(read({})).toEqual({ count: 3, waitMs: 100, name: 'nobody', color: 'red', loud: false })
  })

  it('lets a flag win over its variable, and the variable over the default', () => {
    expect(read({ count: '5' }, { COUNT: '4', NAME: 'somebody' })).toMatchObject({
      count: 5,
      name: 'somebody',
    })
  })

  it('takes an empty variable for none', () => {
    expect(read({}, { COUNT: '', WAIT_MS: '', WAIT: '2s' })).toMatchObject({ count: 3, waitMs: 2_000 })
  })

  it('prefers the own variable to one that stands in for it', () => {
    expect(read({}, { WAIT_MS: '7', WAIT: '2s' }).waitMs).toBe(7)
  })

  it('tells all faults at once, by the name that was used', () => {
    const given = { WAIT: '2 days', NAME: 'two words', COLOR: 'green' }
    expect(faultsOf(() => read({ count: '11', loud: 'maybe' }, given))).toEqual([
      '--count must be a whole number from 1 to 10, got "11"',
      'WAIT must be a duration such as 30s or 500ms, got "2 days"',
      'NAME must be one word',
      'COLOR must be one of red, blue, got "green"',
      '--loud must be true or false, got "maybe"',
    ])
  })

  it.each(['1.5', '-1', '1e1', '0x5', ' 5', '', '9'.repeat(20)])(
    'does not take %j for a whole number',
    (count) => {
      expect(faultsOf(() => read({ count }))).toHaveLength(1)
    },
  )
})

describe('readGroups', () => {
  const groups = {
    example: settingsGroup(table, ({ count }) => count),
    server: settingsGroup(
      { url: serverUrl({ flag: 'redis-url', env: 'REDIS_URL', about: '' }, { schemes: ['redis'] }) },
      ({ url }) => url,
    ),
  }

  it('gives each group what it read', () => {
    expect(readGroups(groups, { environment: { COUNT: '4', REDIS_URL: 'redis://h' } })).toEqual({
      example: 4,
      server: 'redis://h',
    })
  })

  it('reports the faults of all groups at once, without the value of a URL', () => {
    const environment = { COUNT: '0', REDIS_URL: 'http://user:secret@h' }
    expect(faultsOf(() => readGroups(groups, { environment }))).toEqual([
      'COUNT must be a whole number from 1 to 10, got "0"',
      'REDIS_URL must start with redis://',
    ])
    expect(faultsOf(() => readGroups(groups, { environment: {} }))).toEqual(['REDIS_URL must be set'])
  })

  it('lets any other error through', () => {
    const broken = new TypeError('x is not a function')
    const group = settingsGroup({}, () => {
      throw broken
    })
    expect(() => readGroups({ group }, { environment: {} })).toThrow(broken)
  })
})

describe('parseDurationMs', () => {
  it.each([
    ['30', 30_000],
    ['30s', 30_000],
    ['500ms', 500],
    ['2m', 120_000],
    ['1h', 3_600_000],
  ])('reads %s', (duration, expected) => {
    expect(parseDurationMs(duration)).toBe(expected)
  })

  it.each(['', 's', '1d', '1.5s', '-1s', '1 s'])('refuses %j', (duration) => {
    expect(() => parseDurationMs(duration)).toThrow('must be a duration')
  })
})
