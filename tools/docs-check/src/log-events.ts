import { findFiles, readRepository } from './repository.ts'

/** An event and its message, as the arguments of a call or behind the level in a row of a table. */
const LINE =
  /(?:\blog\??\.(?:debug|info|warn|error)\(|\['(?:debug|info|warn|error)',)\s*'([\w-]+\.[\w.-]+)',\s*(?:'([^'\n]+)'|event\.message)/g

/** A call that writes a line. */
const CALL = /\blog\??(?:\.(?:debug|info|warn|error)|\[\w+\])\(\s*(.{0,80})/gs

/** Reads every log line from the sources of the product. The message is empty where it is not a constant. */
export function logLines() {
  return findFiles('packages/*/src/**/*.ts').flatMap((file) =>
    [...readRepository(file).matchAll(LINE)].map(([, event = '', message = '']) => ({
      event,
      message,
      file,
    })),
  )
}

/** Reads what each call of a log begins with. */
export function logCalls() {
  return findFiles('packages/*/src/**/*.ts').flatMap((file) =>
    [...readRepository(file).matchAll(CALL)].map(([, start = '']) => start),
  )
}

/** Writes the page docs/reference/log-events.md. */
export function logEventsPage() {
  const rows = new Map(logLines().map(({ event, message }) => [event, message]))
  return [
    '# Log events',
    '',
    'Written by `pnpm run reference`. Every log line carries one of these names in `event`. Match it, never `msg`:',
    'sentences may change.',
    '',
    '| event | message |',
    '|---|---|',
    ...[...rows]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([event, message]) => `| \`${event}\` | ${message || '(the warning itself)'} |`),
    '',
  ].join('\n')
}
