import { uuidv7obj } from 'uuidv7'

/** A new endpoint id: `we_` and the 32 hexadecimal digits of a UUIDv7. */
export function newEndpointId(): string {
  return `we_${uuidv7obj().toHex()}`
}

/** The id of an event that belongs to no payment. */
export function newEventId(): string {
  return `evt_${uuidv7obj().toHex()}`
}

/** How a delivery is called outside of the database. */
export function deliveryIdOf(number: number): string {
  return `dlv_${number}`
}

/** The number behind a delivery id; undefined when the text is none. */
export function deliveryNumberOf(id: string): number | undefined {
  const digits = /^dlv_([1-9]\d{0,15})$/.exec(id)?.[1]
  const number = Number(digits)
  return Number.isSafeInteger(number) ? number : undefined
}

/** Whether PostgreSQL can be asked for an id at all: no text of its own holds a NUL. */
export function isStorable(id: string): boolean {
  return !id.includes('\0')
}
