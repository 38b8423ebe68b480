import { readFile } from 'node:fs/promises'
import { codeOf, type Database } from '@titan/payments'
import { Failure } from '@titan/service'

const GRANTS = new URL('../../../../sql/grants.sql', import.meta.url)
/** Codes of PostgreSQL: no such role; not allowed to make or change one. */
const UNDEFINED_OBJECT = '42704'
const FORBIDDEN = '42501'

/**
 * Grants a role what the programs need and takes the rest from it. May be repeated.
 *
 * @param password creates the role if it is missing, and sets its password; '' leaves both alone
 * @throws Failure when the role is missing, is the one that runs this, or may not be changed
 */
export async function grantTo(sql: Database, role: string, password: string): Promise<void> {
  const text = await readFile(GRANTS, 'utf8')
  try {
    await sql.begin(async (transaction) => {
      const [own] = await transaction<{ name: string }[]>`select current_user::text as name`
      if (own?.name === role)
        throw new Failure(`the role ${role} runs the migrations and owns the tables: grant to another role`)
      // Two grants at once would fail: each changes the same rows of the catalogue.
      await transaction`select pg_advisory_xact_lock(hashtext('titan grants'))`
      await transaction`
        select set_config('titan.grantee', ${role}::text, true), set_config('titan.password', ${password}::text, true)`
      await transaction.unsafe(text)
    })
  } catch (error) {
    const code = codeOf(error)
    if (code === UNDEFINED_OBJECT)
      throw new Failure(
        `role ${role} does not exist: create it (create role ${role} login password '…'), or set APP_ROLE_PASSWORD`,
        { cause: error },
      )
    if (code === FORBIDDEN)
      throw new Failure(`this role may not grant to ${role}: run titan migrate as the owner of the tables`, {
        cause: error,
      })
    throw error
  }
}
