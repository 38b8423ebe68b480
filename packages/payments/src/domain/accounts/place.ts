/**
 * A gateway under the credentials of an account: `stripe@acme.1`. Attempts are stored with it in place of a gateway's name.
 * Each account at the gateway that the account has had is another place, because keys, charges and refunds of one mean
 * nothing to another.
 */
export interface Place {
  readonly gateway: string
  readonly account: string
  readonly number: number
}

const PLACE = /^([^@]+)@([a-z\d][a-z\d_-]{0,39})\.([1-9]\d{0,8})$/

/** Names a place. */
export function placeNameOf({ gateway, account, number }: Place): string {
  return `${gateway}@${account}.${number}`
}

/** Reads the name of a place; undefined when it is the name of a gateway of the program. */
export function readPlace(name: string): Place | undefined {
  const [, gateway, account, number] = PLACE.exec(name) ?? []
  if (gateway === undefined || account === undefined) return undefined
  return { gateway, account, number: Number(number) }
}

/** Returns the name of the gateway that attempts at a place go to. */
export function gatewayNameOf(place: string): string {
  return readPlace(place)?.gateway ?? place
}
