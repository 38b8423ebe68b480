import type { DeadLetter } from '@titan/queue-core'
import { wholeNumber } from '@titan/service'
import { formatData, formatFacts, formatSections, formatTable, formatTimestamp, shorten } from '../output.ts'
import { filterSettings, findDeadLetters, idsSetting } from './dead-letter-filter.ts'
import { queueCommand } from './queue.ts'

/** `titan dlq list`. */
export const dlqList = queueCommand({
  name: 'titan dlq list',
  description: 'List dead letters, oldest first.',
  settings: {
    ...filterSettings,
    limit: wholeNumber(
      { flag: 'limit', about: 'Maximum number of dead letters.' },
      { fallback: 50, min: 1, max: 10_000 },
    ),
  },
  async run({ limit, ...filter }, { queue, print }) {
    const found: DeadLetter[] = []
    for await (const letter of findDeadLetters(queue, filter)) if (found.push(letter) > limit) break
    const more = found.length > limit
    const letters = found.slice(0, limit)
    print({ queue: queue.name, letters: letters.map(toJson), more }, () => {
      const table = formatTable(letters.map(toRow), `no dead letters in queue ${queue.name}`)
      return more ? `${table}\nmore exist: raise --limit to see them` : table
    })
    return true
  },
})

/** `titan dlq show`. */
export const dlqShow = queueCommand({
  name: 'titan dlq show',
  description: 'Show dead letters with their data and failures. Code 1 if one does not exist.',
  settings: { ids: { ...idsSetting, isRequired: 'the id of a dead letter is missing: run titan dlq list' } },
  async run({ ids = '' }, { queue, print, complain }) {
    const found = await Promise.all(
      ids.split(',').map(async (id) => ({ id, letter: await queue.peekDeadLetter(id) })),
    )
    const letters = found.flatMap(({ letter }) => letter ?? [])
    const missing = found.filter(({ letter }) => letter === undefined)
    if (letters.length > 0)
      print({ queue: queue.name, letters: letters.map(toJson) }, () => letters.map(formatLetter).join('\n\n'))
    for (const { id } of missing) complain(`no such dead letter: ${id}`)
    return missing.length === 0
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

function toRow({
  letterId,
  id,
  name,
  cause,
  failures,
  deadAt,
  error,
}: DeadLetter): Parameters<typeof formatTable>[0][0] {
  return {
    letter: letterId,
    'job id': id,
    job: name,
    cause,
    failures,
    'dead since': formatTimestamp(deadAt),
    'last error': shorten(error, 60),
  }
}

function formatLetter(letter: DeadLetter): string {
  const failures = letter.history.map(({ at, cause, error }) => ({ at: formatTimestamp(at), cause, error }))
  return formatSections({
    [`Dead letter ${letter.letterId}`]: formatFacts({
      'job id': letter.id,
      job: letter.name,
      data: formatData(letter.data),
      priority: letter.priority,
      cause: letter.cause,
      'last error': letter.error,
      failures: letter.failures,
      crashes: letter.crashes,
      redrives: letter.redrives,
      worker: letter.worker,
      enqueued: formatTimestamp(letter.enqueuedAt),
      'dead since': formatTimestamp(letter.deadAt),
    }),
    Failures: failures.length === 0 ? undefined : formatTable(failures),
  })
}
