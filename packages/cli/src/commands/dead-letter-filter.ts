import { deadLetterPages, FAILURE_CAUSES, type DeadLetter, type Queue } from '@titan/queue-core'
import { choice, optionalText, type SettingsOf } from '@titan/service'
import type { AnyJobs } from './queue.ts'
import { timestampSetting } from './times.ts'

/** `--ids`, which may be missing. */
export const idsSetting = optionalText(
  { flag: 'ids', takesWords: true, about: 'IDs of dead letters, separated by commas.', hint: 'ids' },
  { form: /^\d+-\d+(,\d+-\d+)*$/, rule: 'ids of dead letters, such as 1700000000000-0' },
)

/** Which dead letters a command is about; what is undefined leaves none out. */
export const filterSettings = {
  ids: idsSetting,
  job: optionalText(
    { flag: 'job', about: 'Only the job with this ID.', hint: 'id' },
    { form: /^.{1,255}$/, rule: 'the id of a job' },
  ),
  name: optionalText(
    { flag: 'name', about: 'Only jobs with this name.' },
    { form: /^\S+$/, rule: 'the name of a job' },
  ),
  cause: choice(
    { flag: 'cause', about: `Only this cause: ${FAILURE_CAUSES.join(', ')}.`, hint: 'cause' },
    FAILURE_CAUSES,
    undefined,
  ),
  since: timestampSetting('since', 'Only those dead at this time or later.'),
  until: timestampSetting('until', 'Only those dead before this time.'),
}

/** The values of {@link filterSettings}. */
export type DeadLetterFilter = SettingsOf<typeof filterSettings>

/** Whether a filter leaves anything out. */
export function isNarrow({ ids, job, name, cause, since, until }: DeadLetterFilter): boolean {
  return [ids, job, name, cause, since, until].some((value) => value !== undefined)
}

/** Yields the dead letters that a filter matches, oldest first. */
export async function* findDeadLetters(
  queue: Queue<AnyJobs>,
  filter: DeadLetterFilter,
): AsyncGenerator<DeadLetter> {
  if (filter.ids === undefined)
    for await (const page of deadLetterPages(queue)) yield* page.filter((letter) => matches(letter, filter))
  else
    for (const id of filter.ids.split(',')) {
      const letter = await queue.peekDeadLetter(id)
      if (letter !== undefined && matches(letter, filter)) yield letter
    }
}

function matches(letter: DeadLetter, { job, name, cause, since, until }: DeadLetterFilter): boolean {
  return (
    (job === undefined || letter.id === job) &&
    (name === undefined || letter.name === name) &&
    (cause === undefined || letter.cause === cause) &&
    (since === undefined || letter.deadAt >= since.getTime()) &&
    (until === undefined || letter.deadAt < until.getTime())
  )
}
