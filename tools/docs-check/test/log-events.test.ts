import { expect, it } from 'vitest'
import { logCalls, logEventsPage, logLines } from '../src/log-events.ts'
import { readRepository } from '../src/repository.ts'

it('every log line has an event named noun.verb_past and a message of eight words at most', () => {
  expect(logLines().length).toBeGreaterThan(40)
  for (const { event, message } of logLines()) {
    expect(event).toMatch(/^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$/)
    expect(message.split(' ').length, message).toBeLessThanOrEqual(8)
  }
  // A call takes both from here, or from a table whose rows are found like calls.
  for (const call of logCalls())
    expect(call).toMatch(/^(?:'[a-z_]+\.[a-z_]+', *\n? *('|event\.message)|name, line,)/)
})

it('an event has one meaning: no two lines share its name, nor two names a sentence', () => {
  const lines = logLines()
  const repeated = (texts: readonly string[]): string[] =>
    texts.filter((text, at) => texts.indexOf(text) !== at)
  expect(repeated(lines.map(({ event }) => event))).toEqual([])
  expect(repeated(lines.map(({ message }) => message))).toEqual([])
})

it('the list of events is what the programs log; `pnpm run reference` writes it', () => {
  expect(readRepository('docs/reference/log-events.md')).toBe(logEventsPage())
})
