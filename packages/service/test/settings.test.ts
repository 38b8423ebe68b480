import { describe, expect, it } from 'vitest'
import { choice, milliseconds, parseDurationMs, text, toggle, wholeNumber } from '../src/index.ts'
import { overlay, readSettings, type SettingsTable } from '../src/settings.ts'

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
  name: text({ flag: 'name', env: 'NAME', about: '' }, 'nobody', /^\w+$/, 'one word'),
  color: choice({ flag: 'color', env: 'COLOR', about: '' }, ['red', 'blue'], 'red'),
  loud: toggle({ flag: 'loud', env: 'LOUD', about: '' }, false),
}

const read = (
  flags: Record<string, string>,
  env: Record<string, string> = {},
): { readonly values: Example; readonly faults: readonly string[] } =>
  readSettings(table, new Map(Object.entries(flags)), env)

describe('readSettings', () => {
  it('takes the defaults when nothing is given', () => {
    expect(read({})).toEqual({
      values: { count: 3, waitMs: 100, name: 'nobody', color: 'red', loud: false },
      faults: [],
    })
  })

  it('lets a flag win over its variable, and the variable over the default', () => {
    const { values } = read({ count: '5' }, { COUNT: '4', NAME: 'somebody' })
    expect(values).toMatchObject({ count: 5, name: 'somebody' })
  })

  it('takes an empty variable for none', () => {
    expect(read({}, { COUNT: '', WAIT_MS: '', WAIT: '2s' })).toMatchObject({
      values: { count: 3, waitMs: 2_000 },
      faults: [],
    })
  })

  it('prefers the own variable to one that stands in for it', () => {
    expect(read({}, { WAIT_MS: '7', WAIT: '2s' }).values.waitMs).toBe(7)
  })

  it('tells all faults at once, by the name that was used', () => {
    const { faults } = read(
      { count: '11', loud: 'maybe' },
      { WAIT: '2 days', NAME: 'two words', COLOR: 'green' },
    )
    expect(faults).toEqual([
      '--count must be a whole number from 1 to 10',
      'WAIT must be a duration such as 30s or 500ms',
      'NAME must be one word',
      'COLOR must be one of red, blue',
      '--loud must be true or false',
    ])
  })

  it.each(['1.5', '-1', '1e1', '0x5', ' 5', '', '9'.repeat(20)])(
    'does not take %j for a whole number',
    (count) => {
      expect(read({ count }).faults).toHaveLength(1)
    },
  )
})

describe('overlay', () => {
  const names = [
    { flag: 'redis-url', env: 'REDIS_URL', alsoEnv: ['REDIS_ADDR'], about: '', hint: '', shown: '' },
  ]

  it('puts flags in the place of their variables', () => {
    const env = overlay(names, new Map([['redis-url', 'redis://flag']]), {
      REDIS_URL: 'redis://env',
      OTHER: '1',
    })
    expect(env).toMatchObject({ REDIS_URL: 'redis://flag', OTHER: '1' })
  })

  it('lets another variable stand in', () => {
    expect(overlay(names, new Map(), { REDIS_ADDR: 'localhost:1' })).toMatchObject({
      REDIS_URL: 'localhost:1',
    })
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
