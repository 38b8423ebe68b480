import type { Gateway } from '../../src/index.ts'

type Askable = Pick<Gateway, 'name' | 'lookup'>

/** Gateways of which there is one. */
export function only(gateway: Askable): { get(name: string): Askable | undefined } {
  return { get: (name) => (name === gateway.name ? gateway : undefined) }
}
