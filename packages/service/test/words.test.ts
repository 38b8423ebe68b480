import { describe, expect, it } from 'vitest'
import { defineProgram, EXIT, readCommandLine, text, toggle } from '../src/index.ts'

const ids = text({ flag: 'ids', env: 'IDS', about: '' }, { form: /^[\w,]+$/, rule: 'ids' })
const program = defineProgram({
  name: 'example',
  version: '1.0.0',
  description: '',
  settings: { ids, yes: toggle({ flag: 'yes', about: '' }, false) },
  groups: {},
  run: () => Promise.resolve(EXIT.ok),
})
const taking: typeof program = {
  ...program,
  settings: { ...program.settings, ids: { ...ids, takesWords: true } },
}

const read = (args: readonly string[], given = taking): ReturnType<typeof readCommandLine> =>
  readCommandLine(given, args, {})

describe('a switch', () => {
  it.each([
    [['--yes'], true],
    [['--no-yes'], false],
    [['--yes=false'], false],
    [['--yes=0'], false],
    [['--no-yes', '--yes'], true],
    [['--yes', '--no-yes'], false],
  ])('is read from %j as %j', (args, yes) => {
    expect(read(args)).toMatchObject({ own: { yes } })
  })

  it('is not turned on by a value that it does not know', () => {
    expect(read(['--yes=no'])).toEqual({ faults: ['--yes must be true or false, got "no"'] })
    expect(read(['--no-yes=true'])).toEqual({ faults: ['--no-yes takes no value'] })
  })
})

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
    expect(read(['a1'], program)).toEqual({ faults: ["unexpected argument 'a1'"] })
    expect(read(['a1', '--ids', 'b2'])).toEqual({ faults: ["unexpected argument 'a1'"] })
  })

  it('that are required say what is missing', () => {
    const settings = { ...program.settings, ids: { ...ids, isRequired: 'the ids are missing: run list' } }
    expect(read([], { ...program, settings })).toEqual({ faults: ['the ids are missing: run list'] })
  })
})
