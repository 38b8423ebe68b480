import { uuidv7obj } from 'uuidv7'

/** Creates an endpoint id: `we_` and the 32 hexadecimal digits of a UUIDv7. */
export function newEndpointId(): string {
  return `we_${uuidv7obj().toHex()}`
}

/** Creates the id of an event that belongs to no payment. */
export function newEventId(): string {
  return `evt_${uuidv7obj().toHex()}`
}

/** Returns the public id of a delivery. */
export function deliveryIdOf(number: number): string {
  return `dlv_${number}`
}

/** Returns the number behind the public id of a delivery; undefined when the text is none. */
export function deliveryNumberOf(id: string): number | undefined {
  const digits = /^dlv_([1-9]\d{0,15})$/.exec(id)?.[1]
  const number = Number(digits)
  return Number.isSafeInteger(number) ? number : undefined
}

/** Returns whether PostgreSQL can search for an id: its texts cannot hold NUL. */
export function isStorable(id: string): boolean {
  return !id.includes('\0')
}
