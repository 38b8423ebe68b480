import { hostname, userInfo } from 'node:os'
import { createAudited, isRefusal, type Act, type Actor } from '@titan/dashboard/audit'
import type { Database } from '@titan/payments'
import { Failure } from '@titan/service'
import { textOf } from '@titan/queue-core/text-of'

/** What a command does, for the audit record. */
export type CommandAct = Pick<Act, 'action' | 'target'> & { readonly note?: string }

/**
 * Does an act of a command with a row in the audit record. The row comes first: while it cannot be written, nothing is done.
 *
 * @throws Failure when the answer was lost, so that the act may be done
 * @param summarise says in a few words what came of the act
 * @param operator a name that was given on the command line. @default the account of the operating system
 */
export async function recorded<Result>(
  sql: Database,
  act: CommandAct,
  perform: () => Promise<Result>,
  summarise: (result: Result) => string,
  operator?: string,
): Promise<Result> {
  let result: { readonly value: Result } | undefined
  let hasBegun = false
  try {
    await createAudited(sql)({ ...actorOf(operator), note: '', ...act }, async () => {
      hasBegun = true
      const value = await perform()
      result = { value }
      return summarise(value)
    })
  } catch (error) {
    if (!hasBegun || isRefusal(error)) throw error
    throw new Failure(
      `the response was lost (${textOf(error)}), so the outcome is unknown: run the same command again`,
      { cause: error },
    )
  }
  if (result === undefined) throw new Error('the act was not performed')
  return result.value
}

/** Who runs this command. The database cannot know whether the account is that person, so nothing is proven. */
function actorOf(operator: string | undefined): Actor {
  const account = accountName()
  return {
    operator: operator ?? account,
    credential: `account ${account} on ${hostname()}`.slice(0, 200),
    isProven: false,
  }
}

/** The account of the operating system; its number where it has no name, as in some containers. */
export function accountName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
