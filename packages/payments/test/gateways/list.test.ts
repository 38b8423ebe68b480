import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidSettings, type Environment } from '@titan/service'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { gatewaySettings, knownGatewaySettings, openGateways } from '../../src/index.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'titan-gateways-'))
})
afterAll(() => rm(directory, { recursive: true }))

/** Writes a module that makes a gateway; returns its path. */
async function write(name: string, text: string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text)
  return path
}

const moduleOf = (members: string): string =>
  `export default (environment) => ({ keyTtlMs: 1000, charge: async () => ({ type: 'PENDING' }), ${members} })`

const stripe = { STRIPE_SECRET_KEY: 'sk_test_titan' }

test('GATEWAYS lists gateways in order, of this package and of modules', async () => {
  const acme = await write(
    'acme.mjs',
    moduleOf("name: environment.ACME_NAME, lookup: async () => ({ type: 'NOT_FOUND' })"),
  )
  const environment = { ...stripe, GATEWAYS: `stripe, ${acme},simulated`, ACME_NAME: 'acme' }
  const gateways = await openGateways(environment)
  expect(gateways.names).toEqual(['stripe', 'acme', 'simulated'])
  expect(gateways.get('acme')).toMatchObject({ name: 'acme', circuit: 'closed' })
  expect(gateways.get('simulated')?.admit).toBeUndefined()
  expect(gateways.get('paypal')).toBeUndefined()
  const other = await gateways.create('acme', { ...environment, ACME_NAME: 'acme-2' })
  expect(other).toMatchObject({ name: 'acme-2' })
  await gateways.close()
})

test('a module may make an instance of a class, whose members are in its prototype and read it', async () => {
  const path = await write(
    'class.mjs',
    `class Acme {
       name = 'acme'
       keyTtlMs = 1000
       #answer = { type: 'UNKNOWN', reason: 'of the field' }
       get mode() { return 'live' }
       async charge() { return this.#answer }
       move() { return this.#answer }
       async lookup() { return { type: 'FOUND', outcome: this.#answer } }
       parseWebhook() { return { type: 'IGNORED', reason: this.#answer.reason } }
     }
     export default () => new Acme()`,
  )
  const gateways = await openGateways({ GATEWAYS: path })
  const acme = gateways.get('acme')
  expect(acme).toMatchObject({ mode: 'live', circuit: 'closed', abandon: undefined })
  const options = { signal: new AbortController().signal }
  const found = await acme?.lookup?.({ kind: 'charge', paymentId: 'pay_1', gatewayKey: 'k' }, options)
  expect(found).toMatchObject({ type: 'FOUND' })
  expect(await acme?.move?.({} as never, options)).toMatchObject({ reason: 'of the field' })
  expect(await acme?.parseWebhook?.('', undefined)).toMatchObject({ reason: 'of the field' })
  await gateways.close()
})

test('variables of one gateway go over the common ones', async () => {
  const acme = await write('limited.mjs', moduleOf("name: 'acme-pay'"))
  const gateways = await openGateways({
    GATEWAYS: `simulated,${acme}`,
    GATEWAY_BREAKER: 'false',
    ACME_PAY_BREAKER: 'true',
  })
  expect(gateways.get('simulated')).not.toHaveProperty('admit')
  expect(gateways.get('acme-pay')?.admit).toBeDefined()
  const environment = { GATEWAY: 'simulated', GATEWAY_MAX_CONCURRENT: '4', SIMULATED_MAX_CONCURRENT: 'x' }
  expect(() => gatewaySettings.read({ environment })).toThrow(/SIMULATED_MAX_CONCURRENT must be/)
})

test.each<[Environment, RegExp]>([
  [
    { GATEWAY: 'simulated', GATEWAYS: 'simulated,stripe' },
    /GATEWAY is simulated and GATEWAYS is simulated,stripe/,
  ],
  [{ GATEWAYS: 'simulated,simulated' }, /each gateway once, got simulated twice/],
  [{ GATEWAYS: 'simulated,stripe' }, /STRIPE_SECRET_KEY must be set/],
  [{ GATEWAYS: 'a b' }, /GATEWAYS must be names or modules/],
])('a list that contradicts itself is refused: %j', (environment, message) => {
  expect(() => gatewaySettings.read({ environment })).toThrow(InvalidSettings)
  expect(() => gatewaySettings.read({ environment })).toThrow(message)
})

test('GATEWAY and GATEWAYS may say the same', async () => {
  expect((await openGateways({ GATEWAY: 'simulated', GATEWAYS: 'simulated' })).names).toEqual(['simulated'])
})

test.each([
  [
    'throws.mjs',
    "export default () => { throw new Error('ACME_KEY must be set') }",
    'made no gateway: ACME_KEY must be set',
  ],
  ['broken.mjs', "throw new Error('no rules')", 'cannot be loaded: no rules'],
  ['value.mjs', 'export default {}', 'must export a function as its default'],
  ['nothing.mjs', 'export default () => {}', 'made no gateway: name must be'],
  ['shouts.mjs', moduleOf("name: 'Acme'"), 'made no gateway: name must be'],
  ['common.mjs', moduleOf("name: 'gateway'"), 'made no gateway: name must be'],
  ['forgets.mjs', moduleOf("name: 'acme', keyTtlMs: 0"), 'keyTtlMs must be a number above 0'],
  ['idle.mjs', moduleOf("name: 'acme', charge: 1"), 'charge must be a function'],
  ['twice.mjs', moduleOf("name: 'simulated'"), 'two gateways have the name simulated'],
])(
  'a module that makes no gateway ends the program with its name and reason: %s',
  async (name, text, reason) => {
    const path = await write(name, text)
    const opening = openGateways({ GATEWAYS: `simulated,${path}` })
    await expect(opening).rejects.toMatchObject({ code: 'FAILURE', message: expect.stringContaining(reason) })
    if (name !== 'twice.mjs') await expect(opening).rejects.toThrow(path)
  },
)

test('other programs know what each gateway can do without the right to charge', async () => {
  const webhooks =
    "signatureHeader: 'X-Acme', parseWebhook: () => ({ type: 'REFUSED', cause: 'no_signature', reason: '' })"
  const acme = await write('known.mjs', moduleOf(`name: 'acme', ${webhooks}`))
  const open = (environment: Environment) => knownGatewaySettings.read({ environment }).open()
  const nothing = { accepting: undefined, unmovable: [], webhooks: [], lookUp: undefined }
  expect(await open({})).toEqual({ ...nothing, create: expect.any(Function) })
  const known = await open({
    GATEWAYS: `stripe,${acme},simulated`,
    STRIPE_WEBHOOK_SECRET: 'whsec_of_the_tests',
  })
  expect(known.accepting).toMatchObject([
    { name: 'stripe', hasDefaultMethod: false },
    { name: 'acme', hasDefaultMethod: false },
    { name: 'simulated', hasDefaultMethod: true },
  ])
  expect(known.unmovable).toEqual(['acme'])
  expect(known.webhooks).toMatchObject([
    { gateway: 'stripe', signatureHeader: 'stripe-signature' },
    { gateway: 'acme', signatureHeader: 'x-acme' },
  ])
  expect(known.lookUp).toBeUndefined()
  expect((await open({ GATEWAY: 'stripe', ...stripe })).lookUp?.names).toEqual(['stripe'])
})
