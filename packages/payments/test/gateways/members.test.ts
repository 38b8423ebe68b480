import { expect, test } from 'vitest'
import { inFleet } from '../../src/gateways/fleet.ts'
import { gatewaysOf, limitGateway, stoppable, withMembers, type Gateway } from '../../src/index.ts'

/** A gateway as a module may write it: a class, whose members need their instance, and calls that are not async. */
class Acme {
  readonly name = 'acme'
  readonly keyTtlMs = 1_000
  readonly #answer = { type: 'UNKNOWN', reason: 'of the field' }
  get circuit() {
    return this.#answer.type === 'UNKNOWN' ? 'open' : 'closed'
  }
  charge() {
    return this.#answer
  }
  lookup() {
    return { type: 'FOUND', outcome: this.#answer }
  }
  move(): never {
    throw new Error(this.#answer.reason)
  }
  async admit() {
    return { gateway: new Acme(), release() {} }
  }
  async parseWebhook() {
    return { type: 'IGNORED', eventId: this.#answer.reason, eventType: '', reason: '' }
  }
}

const acme = new Acme() as unknown as Gateway
const fleetOf = (gateway: Gateway) =>
  inFleet(gatewaysOf([gateway]), {
    redis: { send: async () => [0, 1] as never },
    prefix: 'test',
    limitsOf: () => ({ maxConcurrent: 1 }),
    leaseMs: 1_000,
    onShare() {},
    onWhole() {},
  })

test.each<[string, (gateway: Gateway) => Gateway | undefined]>([
  ['its members', (gateway) => withMembers(gateway, {})],
  ['limits', (gateway) => limitGateway(gateway, {})],
  ['limits of a fleet', (gateway) => fleetOf(gateway).get('acme')],
  ['stops', (gateway) => stoppable(gatewaysOf([gateway])).get('acme')],
])('an instance of a class keeps its members behind %s', async (_name, wrap) => {
  const gateway = wrap(acme)
  const options = { signal: new AbortController().signal }
  const { gateway: admitted } = (await gateway?.admit?.(options)) ?? {}
  for (const one of [gateway, admitted]) {
    expect(one).toMatchObject({ name: 'acme', keyTtlMs: 1_000, abandon: undefined })
    expect(await one?.charge({} as never, options)).toMatchObject({ reason: 'of the field' })
    expect(await one?.lookup?.({} as never, options)).toMatchObject({ outcome: { reason: 'of the field' } })
    await expect(one?.move?.({} as never, options).catch((error: Error) => error.message)).resolves.toBe(
      'of the field',
    )
    expect(await one?.parseWebhook?.('', undefined)).toMatchObject({ eventId: 'of the field' })
  }
})

test('a member may be replaced by a getter, which stays one', () => {
  let circuit: Gateway['circuit'] = 'open'
  const gateway = withMembers(acme, {
    name: 'acme-2',
    get circuit() {
      return circuit
    },
  })
  expect(gateway).toMatchObject({ name: 'acme-2', circuit: 'open' })
  circuit = 'closed'
  expect(gateway.circuit).toBe('closed')
  expect(withMembers(acme, {}).circuit).toBe('open')
})
