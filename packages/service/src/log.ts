import { context as contexts, isSpanContextValid, trace } from '@opentelemetry/api'
import { codeOf, isError, messageOf, nameOf, propertyOf } from '@titan/queue-core/text-of'
import { pino, type Logger } from 'pino'
import { isOutage } from './outage.ts'
import { createRepeats } from './repeats.ts'
import { choice, named } from './setting-kinds.ts'
import type { SettingsOf } from './settings.ts'

/** `--log-level` and `--log-format`, the same in every program. */
export const logSettings = {
  logLevel: choice(
    named('LOG_LEVEL', 'Least severe level to log. Logs go to standard error.'),
    ['silent', 'error', 'warn', 'info', 'debug'],
    'info',
  ),
  logFormat: choice(
    named('LOG_FORMAT', 'Format of log lines. auto is pretty on a terminal, otherwise json.'),
    ['auto', 'json', 'pretty'],
    'auto',
  ),
}

/** How a program logs. */
export type LogSettings = SettingsOf<typeof logSettings>

type Ids = 'paymentId' | 'endpointId' | 'deliveryId' | 'jobId' | 'requestId' | 'keyId'
type Texts = 'method' | 'route' | 'code' | 'reason' | 'consumer' | 'gateway' | 'group' | 'address' | 'signal'
type Numbers = 'attempt' | 'durationMs' | 'delayMs' | 'count'

/**
 * The only fields that reach a log line. Bodies, keys, headers and URLs have no name here, so they cannot; `keyId` is the
 * id of an API key, which is no secret.
 */
export type LogFields = { readonly [Name in Ids | Texts]?: string | undefined } & {
  readonly [Name in Numbers]?: number | undefined
} & { readonly status?: string | number | undefined; readonly error?: unknown }

/** The stable name of what a line reports, `noun.verb_past` in lower case: programs match it, people read the message. */
export type LogEvent = `${string}.${string}`

/** Writes one line. The message is a constant; what varies is in the fields. */
type WriteLine = (event: LogEvent, message: string, fields?: LogFields) => void

/**
 * Writes lines, at most one a second of each level, event and `code`: the first at once, then the last of each second with
 * `repeated`, the number of lines that it stands for. So neither a client nor an outage can fill a disk. Exempt are `debug`
 * lines and `info` lines about one payment, which are records.
 */
export type Log = Readonly<Record<'debug' | 'info' | 'warn' | 'error', WriteLine>>

/**
 * Creates the log of a program.
 *
 * @param stream standard error when left out; standard output is for the results of the program
 */
export function createLog(
  program: string,
  settings: LogSettings,
  stream?: { write(line: string): unknown },
): Log {
  const isTerminal = stream === undefined && process.stderr.isTTY
  const isPretty = settings.logFormat === 'pretty' || (settings.logFormat === 'auto' && isTerminal)
  const logger: Logger = pino(
    {
      name: program,
      level: settings.logLevel,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: nameSpan,
    },
    isPretty
      ? { write: (line) => void (stream ?? process.stderr).write(prettify(line)) }
      : stream === undefined
        ? openStandardError((count) =>
            log.warn('log_lines.dropped', 'log lines dropped, reader too slow', { count }),
          )
        : { write: (line) => void stream.write(line) },
  )
  const repeats = createRepeats(REPEAT_MS)
  const writer =
    (level: keyof Log): WriteLine =>
    (event, message, fields = {}) => {
      if (!logger.isLevelEnabled(level)) return
      const write = (repeated?: number): void =>
        logger[level]({ event, ...boundFields(fields), repeated }, cut(message, MAX_MESSAGE))
      const isRecord = level === 'info' && fields.paymentId !== undefined
      if (level === 'debug' || isRecord) write()
      else
        repeats.add(
          `${level} ${event} ${fields.code ?? ''}`,
          contexts.bind(contexts.active(), (count: number) => write(count === 1 ? undefined : count)),
        )
    }
  const log = { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') }
  return log
}

/** How often lines of one message are written, in milliseconds. */
const REPEAT_MS = 1_000

/** Longest message and longest text of a field, in characters. */
const MAX_MESSAGE = 500
const MAX_FIELD = 256

function boundFields({ error, ...fields }: LogFields): Record<string, unknown> {
  const bounded = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? cut(value, MAX_FIELD) : value,
  ])
  const described = error === undefined ? undefined : describeError(error, !isOutage(error))
  return { ...(Object.fromEntries(bounded) as Record<string, unknown>), error: described }
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`
}

/** Lines that wait for a slow reader or for space on the disk, in characters; beyond that they are dropped. */
const MAX_WAITING = 16 * 1024 * 1024

/**
 * Opens standard error without waiting for its reader. Once there is room again, `onDropped` receives the number of lines
 * that were dropped. A log that cannot be written must not keep the program from working or ending: a full disk would be
 * thrown as an error of the program, and its last lines would be retried without end.
 */
function openStandardError(onDropped: (count: number) => void): ReturnType<typeof pino.destination> {
  const destination = pino.destination({ fd: 2, sync: false, maxLength: MAX_WAITING })
  let dropped = 0
  destination.on('drop', () => dropped++)
  destination.on('drain', () => {
    const count = dropped
    dropped = 0
    if (count > 0) onDropped(count)
  })
  destination.on('error', () => {})
  const flush = destination.flushSync.bind(destination)
  destination.flushSync = () => {
    try {
      flush()
    } catch {
      // There is no other place to report it.
    }
  }
  return destination
}

/** Lets a line be found from its trace, and the trace from the line. */
function nameSpan(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext()
  return span === undefined || !isSpanContextValid(span)
    ? {}
    : { trace_id: span.traceId, span_id: span.spanId }
}

/** Causes below an error that a log line names. */
const CAUSES = 4

/**
 * What a log line may say of an error. The messages of PostgreSQL quote values, so only their codes and
 * the names of tables and constraints are kept; other messages are cut short. The stack is for errors that are not understood.
 */
function describeError(error: unknown, withStack: boolean, depth = CAUSES): Record<string, unknown> {
  const name = nameOf(error)
  if (!isError(error)) return { name }
  const cause = depth === 0 ? undefined : propertyOf(error, 'cause')
  return {
    name,
    code: codeOf(error) || undefined,
    ...(name === 'PostgresError'
      ? { table: textIn(error, 'table_name'), constraint: textIn(error, 'constraint_name') }
      : { message: messageOf(error, 200) }),
    ...(withStack && { at: framesOf(error) }),
    ...(cause !== undefined && { cause: describeError(cause, withStack, depth - 1) }),
  }
}

function framesOf(error: Error): readonly string[] | undefined {
  return textIn(error, 'stack')
    ?.slice(0, 20_000)
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 8)
    .map((line) => line.trim().slice(0, 300))
}

function textIn(error: Error, name: string): string | undefined {
  const value = propertyOf(error, name)
  return typeof value === 'string' ? value : undefined
}

/** A JSON line for human eyes: time, level, message, fields. */
function prettify(line: string): string {
  const given = JSON.parse(line) as Record<string, unknown>
  const { time, level, msg, event: _event, name: _name, pid: _pid, ...fields } = given
  const clock = String(time).slice(11, 23)
  const rest = Object.entries(fields).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return `${clock} ${String(level).padEnd(5)} ${String(msg)}${rest.join('')}\n`
}
