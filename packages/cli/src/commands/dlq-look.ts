import type { DeadLetter } from '@titan/queue-core'
import { EXIT, wholeNumber, type Program } from '@titan/service'
import { filterSettings, findDeadLetters, type DeadLetterFilter } from './dead-letters.ts'
import {
  formatData,
  formatFacts,
  formatTimestamp,
  formatSections,
  formatTable,
  shorten,
  writeResult,
} from '../output.ts'
import { commonSettings, queueProgram, type QueueSettings, type QueueServers } from './queue.ts'

/** The settings of `titan dlq list`. */
export interface ListSettings extends QueueSettings, DeadLetterFilter {
  readonly limit: number
}

/** The program `titan dlq list`. */
export const dlqListProgram: Program<ListSettings, QueueServers> = queueProgram({
  name: 'titan dlq list',
  description: 'List dead letters, oldest first.',
  settings: {
    ...commonSettings,
    ...filterSettings,
    limit: wholeNumber(
      { flag: 'limit', about: 'Maximum number of dead letters.' },
      { fallback: 50, min: 1, max: 10_000 },
    ),
  },
  run: async ({ json, limit, ...filter }, { queue }) => {
    const letters: DeadLetter[] = []
    for await (const letter of findDeadLetters(queue, filter)) if (letters.push(letter) > limit) break
    const more = letters.length > limit
    const listed = letters.slice(0, limit)
    writeResult(json, { queue: queue.name, letters: listed.map(toJson), more }, () =>
      listed.length === 0 ? `no dead letters in queue ${queue.name}` : formatList(listed, more),
    )
    return EXIT.ok
  },
})

/** The program `titan dlq show`. */
export const dlqShowProgram: Program<QueueSettings & Pick<DeadLetterFilter, 'ids'>, QueueServers> =
  queueProgram({
    name: 'titan dlq show',
    description: 'Show dead letters with their data and failures. Code 1 if one does not exist.',
    settings: { ...commonSettings, ids: filterSettings.ids },
    run: async ({ json, ids }, { queue }) => {
      if (ids === '') {
        process.stderr.write('titan dlq show: the id of a dead letter is missing: run titan dlq list\n')
        return EXIT.usage
      }
      const found = await Promise.all(
        ids.split(',').map(async (id) => ({ id, letter: await queue.peekDeadLetter(id) })),
      )
      const letters = found.flatMap(({ letter }) => letter ?? [])
      if (letters.length > 0)
        writeResult(json, { queue: queue.name, letters: letters.map(toJson) }, () =>
          letters.map(formatLetter).join('\n\n'),
        )
      const missing = found.filter(({ letter }) => letter === undefined)
      for (const { id } of missing) process.stderr.write(`titan dlq show: no such dead letter: ${id}\n`)
      return missing.length > 0 ? EXIT.failure : EXIT.ok
    },
  })

function toJson({
  deadAt,
  enqueuedAt,
  data = null,
  ...letter
}: DeadLetter): Readonly<Record<string, unknown>> {
  return {
    ...letter,
    data,
    enqueuedAt: enqueuedAt === undefined ? null : new Date(enqueuedAt).toISOString(),
    deadAt: new Date(deadAt).toISOString(),
    history: letter.history.map((failure) => ({ ...failure, at: new Date(failure.at).toISOString() })),
  }
}

function formatList(letters: readonly DeadLetter[], more: boolean): string {
  const rows = letters.map(({ letterId, id, name, cause, failures, deadAt, error }) => [
    letterId,
    id,
    name,
    cause,
    failures,
    formatTimestamp(deadAt),
    shorten(error, 60),
  ])
  const table = formatTable(
    ['letter', 'job id', 'job', 'cause', 'failures', 'dead since', 'last error'],
    rows,
  )
  return more ? `${table}\nmore exist: raise --limit to see them` : table
}

function formatLetter(letter: DeadLetter): string {
  const { letterId, id, name, cause, error, failures, crashes, redrives, worker, priority } = letter
  const facts = formatFacts([
    ...([
      ['job id', id],
      ['job', name],
      ['data', formatData(letter.data)],
      ['priority', priority],
    ] as const),
    ...([
      ['cause', cause],
      ['last error', error],
      ['failures', failures],
      ['crashes', crashes],
    ] as const),
    ...([
      ['redrives', redrives],
      ['worker', worker],
    ] as const),
    ['enqueued', formatTimestamp(letter.enqueuedAt)],
    ['dead since', formatTimestamp(letter.deadAt)],
  ])
  const history = letter.history.map((failure) => [formatTimestamp(failure.at), failure.cause, failure.error])
  return formatSections([
    [`Dead letter ${letterId}`, facts],
    ...(history.length === 0 ? [] : [['Failures', formatTable(['at', 'cause', 'error'], history)] as const]),
  ])
}
