import { describe, expect, it } from 'vitest'
import { commandsOf, findMissingLine } from '../src/page.ts'

describe('the commands of a page', () => {
  it('are its fences of sh, in lists too, with what is shown of their output', () => {
    const page = [
      '```sh',
      'echo 1',
      '```',
      '',
      '```text',
      '1',
      '```',
      '',
      '1. Then:',
      '',
      '   ```sh docker',
      '   docker ps',
      '   ```',
      '',
      '```ts',
      'const a = 1',
      '```',
      '',
      '```sh',
      'echo 2',
      '```',
    ]
    expect(commandsOf(page.join('\n'))).toEqual([
      { text: 'echo 1', mode: 'run', shown: ['1'] },
      { text: 'docker ps', mode: 'docker', shown: undefined },
      { text: 'echo 2', mode: 'run', shown: undefined },
    ])
  })

  it('are refused with a word that means nothing', () => {
    expect(() => commandsOf('```sh later\nls\n```')).toThrow('unknown mode of a sh block: later')
  })
})

describe('what a page shows', () => {
  it.each([
    ['a line', 'a\nb\n', ['b'], undefined],
    ['lines in their order', 'a\nb\nc\n', ['a', 'c'], undefined],
    ['lines in another order', 'a\nb\n', ['b', 'a'], 'a'],
    ['another line', 'a\nb\n', ['c'], 'c'],
    ['a part of a line', 'abc\n', ['b'], 'b'],
    ['columns of another width', 'id     status\n', ['id  status'], undefined],
    ['anything', 'took 12 ms\n', ['took … ms'], undefined],
    ['another time', 'at 2026-11-24T12:10:36Z\n', ['at 2027-01-01T00:00:00.123Z'], undefined],
    ['another payment', `pay_${'0'.repeat(32)} paid\n`, [`pay_${'a'.repeat(32)} paid`], undefined],
    [
      'another payment of another state',
      `pay_${'0'.repeat(32)} paid\n`,
      [`pay_${'a'.repeat(32)} failed`],
      `pay_${'a'.repeat(32)} failed`,
    ],
  ])('is compared: %s', (_, output, shown, missing) => {
    expect(findMissingLine(output, shown)).toBe(missing)
  })
})
