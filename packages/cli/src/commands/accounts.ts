import {
  ACCOUNT_ID,
  createAccountStore,
  CredentialStore,
  DEFAULT_ACCOUNT,
  type Account,
  type AccountFacts,
  type Database,
} from '@titan/payments'
import { Failure, optionalText } from '@titan/service'
import { SecretBox } from '@titan/webhooks'

/** Declares the flag that names an account. */
export function accountSetting(about: string) {
  return optionalText(
    { flag: 'account', about, hint: 'id' },
    { form: ACCOUNT_ID, rule: 'the ID of an account: up to 40 of a-z, 0-9, _ and -' },
  )
}

/** Returns the account of something as a fact about it; undefined, which is not shown, for `default`. */
export function accountFact({ account }: { readonly account: string }): string | undefined {
  return account === DEFAULT_ACCOUNT ? undefined : account
}

/** Reads an account. @throws Failure when there is none */
export async function requireAccount(sql: Database, id: string): Promise<Account> {
  const account = await createAccountStore(sql).get(id)
  if (account !== undefined) return account
  throw new Failure(`there is no account "${id}": see titan accounts list`)
}

/** Reads what an account says about gateways. @throws Failure when there is none */
export async function accountFacts(sql: Database, id: string): Promise<AccountFacts> {
  const { mode } = await requireAccount(sql, id)
  const credentials = await new CredentialStore(sql, new SecretBox([])).list(id)
  const current = credentials.filter(({ endedAt }) => endedAt === null)
  return { mode, credentials: Object.fromEntries(current.map((one) => [one.gateway, one.mode])) }
}
