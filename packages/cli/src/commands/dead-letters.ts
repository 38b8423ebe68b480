import type { DeadLetter, FailureCause, Queue } from '@titan/queue-core'
import { FaultySetting, text, type Setting, type SettingsTable } from '@titan/service'
import { momentSetting } from './moment.ts'
import type { AnyJobs } from './queue.ts'

/** Which dead letters a command is about. */
export interface LetterFilter {
  /** Ids of letters, by commas; '' for any. */
  readonly ids: string
  /** Id of a job; '' for any. */
  readonly job: string
  /** Name of a job; '' for any. */
  readonly name: string
  /** '' for any. */
  readonly cause: FailureCause | ''
  /** Dead at or after. */
  readonly since: Date | undefined
  /** Dead before. */
  readonly until: Date | undefined
}

const CAUSES = [
  ...(['handler_error', 'timeout', 'unrecoverable', 'worker_crash'] as const),
  ...(['unknown_job', 'invalid_payload', 'undecodable'] as const),
]

const cause: Setting<FailureCause | ''> = {
  flag: 'cause',
  hint: 'cause',
  shown: '',
  fallback: '',
  about: `only these: ${CAUSES.join(', ')}`,
  parse: (given) => CAUSES.find((known) => known === given) ?? refuse(),
}

function refuse(): never {
  throw new FaultySetting(`must be one of ${CAUSES.join(', ')}`)
}

/** The flags of a filter. */
export const filterSettings: SettingsTable<LetterFilter> = {
  ids: text(
    { flag: 'ids', about: 'ids of dead letters, by commas', hint: 'ids' },
    '',
    /^\d+-\d+(,\d+-\d+)*$/,
    'ids of dead letters, such as 1700000000000-0',
  ),
  job: text(
    { flag: 'job', about: 'only the job of this id', hint: 'id' },
    '',
    /^.{1,255}$/,
    'the id of a job',
  ),
  name: text({ flag: 'name', about: 'only jobs of this name' }, '', /^\S+$/, 'the name of a job'),
  cause,
  since: momentSetting('since', 'only those dead since this time, or since so long'),
  until: momentSetting('until', 'only those dead before this time'),
}

/** Whether a filter leaves anything out. */
export function isNarrow({ ids, job, name, cause, since, until }: LetterFilter): boolean {
  return [ids, job, name, cause].some((value) => value !== '') || since !== undefined || until !== undefined
}

/** The dead letters that a filter lets pass, oldest first. */
export async function* findLetters(queue: Queue<AnyJobs>, filter: LetterFilter): AsyncGenerator<DeadLetter> {
  if (filter.ids !== '') {
    for (const id of filter.ids.split(',')) {
      const letter = await queue.peekDeadLetter(id)
      if (letter !== undefined && passes(letter, filter)) yield letter
    }
    return
  }
  for await (const page of letterPages(queue)) yield* page.filter((letter) => passes(letter, filter))
}

/** Every dead letter of a queue, page by page, oldest first. */
export async function* letterPages(
  queue: Pick<Queue<AnyJobs>, 'deadLetters'>,
): AsyncGenerator<readonly DeadLetter[]> {
  let after: string | undefined
  do {
    const page = await queue.deadLetters({ count: 500, ...(after === undefined ? {} : { after }) })
    yield page
    after = page.at(-1)?.letterId
  } while (after !== undefined)
}

function passes(letter: DeadLetter, { job, name, cause, since, until }: LetterFilter): boolean {
  if (job !== '' && letter.id !== job) return false
  if (name !== '' && letter.name !== name) return false
  if (cause !== '' && letter.cause !== cause) return false
  const { deadAt } = letter
  return (
    (since === undefined || deadAt >= since.getTime()) && (until === undefined || deadAt < until.getTime())
  )
}
