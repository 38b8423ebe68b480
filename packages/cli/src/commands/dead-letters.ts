import {
  deadLetterPages,
  FAILURE_CAUSES,
  type DeadLetter,
  type FailureCause,
  type Queue,
} from '@titan/queue-core'
import { FaultySetting, text, type Setting, type SettingsTable } from '@titan/service'
import { timestampSetting } from './timestamp.ts'
import type { AnyJobs } from './queue.ts'

/** Which dead letters a command is about. */
export interface DeadLetterFilter {
  /** Ids of dead letters, separated by commas; '' for any. */
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

const cause: Setting<FailureCause | ''> = {
  flag: 'cause',
  hint: 'cause',
  shown: '',
  fallback: '',
  about: `Only this cause: ${FAILURE_CAUSES.join(', ')}.`,
  parse: (given) => FAILURE_CAUSES.find((known) => known === given) ?? refuse(given),
}

function refuse(given: string): never {
  throw new FaultySetting(`must be one of ${FAILURE_CAUSES.join(', ')}, got ${JSON.stringify(given)}`)
}

/** The flags of a filter. */
export const filterSettings: SettingsTable<DeadLetterFilter> = {
  ids: text(
    { flag: 'ids', takesWords: true, about: 'IDs of dead letters, separated by commas.', hint: 'ids' },
    { form: /^\d+-\d+(,\d+-\d+)*$/, rule: 'ids of dead letters, such as 1700000000000-0' },
  ),
  job: text(
    { flag: 'job', about: 'Only the job with this ID.', hint: 'id' },
    { form: /^.{1,255}$/, rule: 'the id of a job' },
  ),
  name: text(
    { flag: 'name', about: 'Only jobs with this name.' },
    { form: /^\S+$/, rule: 'the name of a job' },
  ),
  cause,
  since: timestampSetting('since', 'Only those dead at this time or later. A time or an age, such as 2h.'),
  until: timestampSetting('until', 'Only those dead before this time. A time or an age, such as 2h.'),
}

/** Whether a filter leaves anything out. */
export function isNarrow({ ids, job, name, cause, since, until }: DeadLetterFilter): boolean {
  return [ids, job, name, cause].some((value) => value !== '') || since !== undefined || until !== undefined
}

/** Yields the dead letters that a filter matches, oldest first. */
export async function* findDeadLetters(
  queue: Queue<AnyJobs>,
  filter: DeadLetterFilter,
): AsyncGenerator<DeadLetter> {
  if (filter.ids === '')
    for await (const page of deadLetterPages(queue)) yield* page.filter((letter) => matches(letter, filter))
  else
    for (const id of filter.ids.split(',')) {
      const letter = await queue.peekDeadLetter(id)
      if (letter !== undefined && matches(letter, filter)) yield letter
    }
}

function matches(letter: DeadLetter, { job, name, cause, since, until }: DeadLetterFilter): boolean {
  if (job !== '' && letter.id !== job) return false
  if (name !== '' && letter.name !== name) return false
  if (cause !== '' && letter.cause !== cause) return false
  const { deadAt } = letter
  return (
    (since === undefined || deadAt >= since.getTime()) && (until === undefined || deadAt < until.getTime())
  )
}
