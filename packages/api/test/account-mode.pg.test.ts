import { createAccountStore, CredentialStore, knownGatewaySettings } from '@titan/payments'
import { afterAll, expect, test } from 'vitest'
import { openTestApi } from './support/api.ts'

const api = await openTestApi({
  withKeys: true,
  gateways: [
    { name: 'stripe', hasDefaultMethod: true, mode: 'test' },
    { name: 'adyen', hasDefaultMethod: false, mode: 'live' },
    { name: 'simulated', hasDefaultMethod: true, mode: 'test' },
  ],
})
await api.acceptance?.refresh()
afterAll(api.close)

const accounts = createAccountStore(api.sql)
const credentials = new CredentialStore(api.sql, { seal: (text) => Buffer.from(text), open: String })

let count = 0

async function newAccount(mode: 'test' | 'live', own?: { readonly gateway: string }) {
  const id = `${mode}-${++count}`
  await accounts.create({ id, name: id, mode })
  if (own !== undefined) await credentials.set({ account: id, ...own, mode, variables: {} })
  const { token } = await api.keys.create({ name: id, scope: 'write', account: id })
  return async (more: object) => {
    const request = { amount: 500, idempotency_key: `mode-${++count}`, ...more }
    const response = await api.pay(request, { authorization: `Bearer ${token}` })
    return (await response.json()) as object
  }
}

const MISMATCH = { status: 422, code: 'account-mode-mismatch' }

test('a payment that only gateways of the other mode could take is refused; those that fit get its token', async () => {
  const live = await newAccount('live')
  expect(await live({ payment_method: { stripe: 'pm_1', simulated: 'tok_1' } })).toMatchObject(MISMATCH)
  // Of those that fit, one could take it with a payment method.
  expect(await live({})).toMatchObject({ code: 'payment-method-required' })
  expect(await live({ payment_method: 'tok_2' })).toHaveProperty('payment_id')
  expect(await live({ payment_method: { adyen: 'tok_2' } })).toHaveProperty('payment_id')
  const tests = await newAccount('test')
  expect(await tests({ payment_method: { adyen: 'tok_1' } })).toMatchObject(MISMATCH)
  expect(await tests({ payment_method: 'pm_1' })).toHaveProperty('payment_id')
  expect(await tests({})).toHaveProperty('payment_id')
  const bound = await api.sql`
    select account, token_gateway as gateway from payments where token_gateway is not null order by account`
  expect(bound).toEqual([
    { account: 'live-1', gateway: 'adyen' },
    { account: expect.stringMatching(/^test-/), gateway: 'stripe' },
  ])
})

test('an account with credentials is judged by them, not by those of the program', async () => {
  const live = await newAccount('live', { gateway: 'stripe' })
  expect(await live({ payment_method: { stripe: 'pm_1' } })).toHaveProperty('payment_id')
  expect(await live({ payment_method: { simulated: 'tok_1' } })).toMatchObject(MISMATCH)
  const tests = await newAccount('test', { gateway: 'adyen' })
  expect(await tests({ payment_method: { adyen: 'tok_1' } })).toHaveProperty('payment_id')
})

test.each([
  [{ GATEWAYS: 'simulated,stripe', STRIPE_SECRET_KEY: 'sk_live_1' }, ['test', 'live']],
  [{ GATEWAY: 'stripe', STRIPE_SECRET_KEY: 'sk_test_1' }, ['test']],
  // Without its key, nothing is known of it.
  [{ GATEWAY: 'stripe' }, [undefined]],
])('the modes of %o are known', async (environment, modes) => {
  const known = await knownGatewaySettings.read({ environment }).open()
  await known.lookUp?.close()
  expect(known.accepting?.map(({ mode }) => mode)).toEqual(modes)
})
