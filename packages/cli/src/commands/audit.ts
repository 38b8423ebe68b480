import { hostname, userInfo } from 'node:os'
import { createAudited, isRefusal, type Act } from '@titan/dashboard/audit'
import type { Database } from '@titan/payments'
import { textOf } from '@titan/queue-core/text-of'
import { Failure } from '@titan/service'

/** What a command does, for the audit record; `operator` where the command line names one. */
type CommandAct = Pick<Act, 'action' | 'target'> & Partial<Pick<Act, 'note' | 'operator'>>

/**
 * Does an act of a command with a row in the audit record. The row comes first: while it cannot be written, nothing is done.
 *
 * @throws Failure when the response was lost, so that the act may be done
 * @param summarise says in a few words what came of the act
 * @param repeat how to repeat it after a lost response
 */
export async function recorded<Result>(
  sql: Database,
  act: CommandAct,
  perform: () => Promise<Result>,
  summarise: (result: Result) => string,
  repeat = 'run the same command again',
): Promise<Result> {
  let result: { readonly value: Result } | undefined
  let hasBegun = false
  // The database cannot know whether the OS user is that person, so nothing is proven.
  const credential = `account ${osUser()} on ${hostname()}`.slice(0, 200)
  const actor = { operator: osUser(), credential, isProven: false, note: '' }
  try {
    await createAudited(sql)({ ...actor, ...act }, async () => {
      hasBegun = true
      const value = await perform()
      result = { value }
      return summarise(value)
    })
  } catch (error) {
    if (!hasBegun || isRefusal(error)) throw error
    throw new Failure(`the response was lost (${textOf(error)}), so the outcome is unknown: ${repeat}`, {
      cause: error,
    })
  }
  if (result === undefined) throw new Error('the act was not performed')
  return result.value
}

/** The user of the operating system; its number where it has no name, as in some containers. */
export function osUser(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
