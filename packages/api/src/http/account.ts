import { DEFAULT_ACCOUNT, type AccountFacts } from '@titan/payments'
import type { Context } from 'hono'
import { found } from '../problem.ts'
import type { ProblemCode } from '../problems.ts'
import type { AppEnv } from './env.ts'

/** Returns the account of the caller, whose payments alone it sees: that of its key, or `default` where none is required. */
export function accountOf(context: Context<AppEnv>): string {
  return context.get('apiKey')?.account ?? DEFAULT_ACCOUNT
}

/** Returns what the account of the caller's key says about gateways; undefined where no key is required. */
export function accountFactsOf(context: Context<AppEnv>): AccountFacts | undefined {
  return context.get('apiKey')?.facts
}

/**
 * Returns what was looked up when it is of the caller's account. Every route that an id leads to something of an account reads
 * it through this, so what is of another account is answered like what does not exist.
 *
 * @throws Problem `code` when there is none
 */
export function foundOwn<Value extends { readonly account: string }>(
  context: Context<AppEnv>,
  value: Value | undefined,
  code: ProblemCode,
): Value {
  return found(value?.account === accountOf(context) ? value : undefined, code)
}

/** Returns the filter that a cursor of the caller's account is valid for. */
export function ofAccount(context: Context<AppEnv>, filter: object): object {
  const account = accountOf(context)
  return account === DEFAULT_ACCOUNT ? filter : { ...filter, account }
}
