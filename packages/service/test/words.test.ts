import { describe, expect, it } from 'vitest'
import { EXIT, readCommandLine, text, type CommandLine, type Program } from '../src/index.ts'

const program: Program<{ readonly ids: string }, object> = {
  name: 'example',
  version: '1.0.0',
  description: '',
  settings: { ids: text({ flag: 'ids', env: 'IDS', about: '' }, '', /^[\w,]+$/, 'ids') },
  groups: {},
  run: () => Promise.resolve(EXIT.ok),
}

const read = (
  args: readonly string[],
  given = { ...program, words: 'ids' },
): CommandLine<{ readonly ids: string }, object> => readCommandLine(given, args, {})

describe('words without a flag', () => {
  it('are for the setting that the program names', () => {
    expect(read(['a1', 'b2'])).toMatchObject({ own: { ids: 'a1,b2' } })
    expect(read(['--ids', 'a1'])).toMatchObject({ own: { ids: 'a1' } })
    expect(read([])).toMatchObject({ own: { ids: '' } })
  })

  it('are checked like the setting', () => {
    expect(read(['a-1'])).toEqual({ faults: ['--ids must be ids'] })
  })

  it('are refused where nobody asks for them, or beside the flag', () => {
    expect(readCommandLine(program, ['a1'], {})).toEqual({ faults: ["unexpected argument 'a1'"] })
    expect(read(['a1', '--ids', 'b2'])).toEqual({ faults: ["unexpected argument 'a1'"] })
  })
})
