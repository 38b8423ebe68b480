import type { GatewayMode } from '../../gateways/gateway.ts'

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

/** What an account says about gateways. */
export interface AccountFacts {
  /** The money that it moves; null for any. */
  readonly mode: GatewayMode | null
  /** The money that its own credentials move, by gateway: they count instead of those of the program. */
  readonly credentials: Readonly<Record<string, GatewayMode | null>>
}

/** Whether a gateway may take payments of an account; what is not known fits. */
export function fitsMode(account: GatewayMode | null, gateway: GatewayMode | null | undefined): boolean {
  return account === null || gateway == null || account === gateway
}
