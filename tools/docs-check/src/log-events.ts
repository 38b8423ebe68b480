import { readdirSync } from 'node:fs'
import { readRepository, REPOSITORY } from './repository.ts'

/** A line that the programs can log. */
export interface LogLine {
  readonly event: string
  /** Empty where it is not a constant. */
  readonly message: string
  readonly file: string
}

/** An event and its message, as an argument of a call or as a row of a table. */
const LINE = /'([a-z][\w-]*\.[\w.-]+)',\s*(?:'([^'\n]* [^'\n]*)'|event\.message)/g

/** A call that writes a line. */
const CALL = /\blog\??(?:\.(?:debug|info|warn|error)|\[\w+\])\(\s*(.{0,80})/gs

/** Reads every log line from the sources of the product. */
export function logLines(): LogLine[] {
  return sources().flatMap((file) =>
    [...readRepository(file).matchAll(LINE)].map(([, event = '', message = '']) => ({
      event,
      message,
      file,
    })),
  )
}

/** Reads what each call of a log begins with. */
export function logCalls(): string[] {
  return sources().flatMap((file) => [...readRepository(file).matchAll(CALL)].map(([, start = '']) => start))
}

/** The page docs/reference/log-events.md. */
export function logEventsPage(): string {
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

function sources(): string[] {
  return readdirSync(new URL('packages/', REPOSITORY), { recursive: true, encoding: 'utf8' })
    .filter((path) => /^[\w-]+\/src\/.*\.ts$/.test(path))
    .map((path) => `packages/${path}`)
    .toSorted()
}
