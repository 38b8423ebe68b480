import { codeOf, nameOf } from '@titan/queue-core/text-of'
import { once, type Log, type LogEvent, type LogFields } from '@titan/service'
import type { Registry } from 'prom-client'
import type { Labels, Metric } from './metric.ts'
import { registerMetric, type Meter } from './registry.ts'

/** Level, name and message of a log line. */
export type Line = readonly [level: 'debug' | 'info' | 'warn', name: LogEvent, message: string]

/** What an event adds to a metric. */
export interface Sample<Event> {
  readonly metric: Metric
  readonly labels?: Labels | ((event: Event) => Labels) | undefined
  /** Undefined: nothing is added. @default 1 */
  readonly value?: ((event: Event) => number | undefined) | undefined
}

/** What becomes of one type of event: a log line, and samples. */
export interface Row<Event> {
  readonly log: Line | ((event: Event) => Line)
  readonly fields?: (event: Event) => LogFields
  /** Whether repeats of the same `reason` and error are not logged for a while. @default false */
  readonly skipRepeats?: boolean
  readonly samples?: readonly Sample<Event>[]
}

/** One row for each type of event in a union. */
export type EventTable<Event extends { readonly type: string }> = {
  readonly [Type in Event['type']]: Row<Event & { readonly type: Type }>
}

/** Makes the sample of an event; a label that the metric does not have is a type error. */
export function sample<Event, Label extends string>(
  metric: Metric<Label>,
  labels?: Labels<Label> | ((event: Event) => Labels<Label>),
  value?: (event: Event) => number | undefined,
): Sample<Event> {
  return { metric, labels, value }
}

/** Makes the row of an event that stands for `count` of something: logs the number, and adds it to the metric. */
export function bulk(log: Line, metric?: Metric): Row<{ readonly count: number }> {
  const samples = metric && [sample(metric, {}, (event: { readonly count: number }) => event.count)]
  return { log, fields: ({ count }) => ({ count }), samples: samples ?? [] }
}

/** Makes the row of a background error with the label `source`. */
export function failure(
  log: Line,
  metric: Metric<'source'>,
): Row<{ readonly source: string; readonly error: unknown }> {
  return {
    log,
    fields: ({ source, error }) => ({ reason: source, error }),
    skipRepeats: true,
    samples: [sample(metric, ({ source }) => ({ source }))],
  }
}

/** Logs each event as its row says. Every line carries `base`. */
export function logEvents<Event extends { readonly type: string }>(
  log: Log,
  table: EventTable<Event>,
  base: LogFields = {},
) {
  const isNews = once()
  return (event: Event): void => {
    const row = rowOf(table, event.type)
    const fields = { ...base, ...row.fields?.(event) }
    const { reason, error } = fields
    if (row.skipRepeats && !isNews(`${reason} ${codeOf(error) || nameOf(error)}`)) return
    const [level, name, line] = typeof row.log === 'function' ? row.log(event) : row.log
    log[level](name, line, fields)
  }
}

/**
 * Registers every metric that the rows of `types` name.
 *
 * @returns makes a listener for events that carry the labels `base`, whose names are `baseNames`; other types are ignored
 */
export function countEvents<Event extends { readonly type: string }, Base extends string = never>(
  registry: Registry,
  table: EventTable<Event>,
  baseNames: readonly Base[] = [],
  types: readonly Event['type'][] = Object.keys(table),
) {
  const meters = new Map<Metric, Meter>()
  for (const { metric } of types.flatMap((type) => rowOf(table, type).samples ?? []))
    if (!meters.has(metric)) meters.set(metric, registerMetric(registry, metric, baseNames))

  const counted = new Set(types)
  return (base: Labels<Base>) => {
    for (const meter of meters.values()) meter.show(base)
    return (event: Event): void => {
      if (!counted.has(event.type)) return
      for (const { metric, labels, value } of rowOf(table, event.type).samples ?? []) {
        const own = typeof labels === 'function' ? labels(event) : labels
        const amount = value === undefined ? 1 : value(event)
        if (amount !== undefined) meters.get(metric)?.record({ ...base, ...own }, amount)
      }
    }
  }
}

/** The row of a type takes the events of this type, which its own type cannot say. */
function rowOf<Event extends { readonly type: string }>(
  table: EventTable<Event>,
  type: Event['type'],
): Row<Event> {
  return table[type]
}
