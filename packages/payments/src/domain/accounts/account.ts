/** The account of what names none. */
export const DEFAULT_ACCOUNT = 'default'

/** The form of an account's id. */
export const ACCOUNT_ID = /^[a-z0-9][a-z0-9_-]{0,39}$/

/**
 * Returns the idempotency key of a payment as it is stored: after the account and a space, unless that is `default`. No key of
 * a client contains a space, so the same key in two accounts is two payments.
 */
export function storedKeyOf(account: string, key: string): string {
  return account === DEFAULT_ACCOUNT ? key : `${account} ${key}`
}

/** Returns the client's own part of a stored key. */
export function clientKeyOf(account: string, storedKey: string): string {
  return account === DEFAULT_ACCOUNT ? storedKey : storedKey.slice(account.length + 1)
}
