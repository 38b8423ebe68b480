import { adyenNotification, signatureHeader } from '@titan/gateway-simulator'
import {
  accountGatewaysOf,
  accountReadersOf,
  applyOutcome,
  createAccountStore,
  CredentialStore,
  gatewaysOf,
  knownGatewaySettings,
  type AccountGateways,
} from '@titan/payments'
import { createLog } from '@titan/service'
import { eventually } from '@titan/testkit'
import { afterAll, expect, test } from 'vitest'
import { createPay } from '../../payments/test/support/pay.ts'
import { openTestApi } from './support/api.ts'

const KEYS = {
  program: '11'.repeat(32),
  acme: '22'.repeat(32),
  later: '33'.repeat(32),
  moved: '44'.repeat(32),
}
const WHSEC = { program: 'whsec_of_the_program', acme: 'whsec_of_the_account' }
const program = {
  ADYEN_HMAC_KEY: KEYS.program,
  ADYEN_WEBHOOK_LOGIN: 'titan:of the program',
  STRIPE_WEBHOOK_SECRET: WHSEC.program,
}
const seal = {
  seal: (text: string) => Buffer.from(text),
  open: (sealed: Uint8Array) => Buffer.from(sealed).toString(),
}

let accounts: AccountGateways | undefined
const api = await openTestApi({
  gatewaySecrets: program,
  readersOf: (name, account) => (accounts === undefined ? [] : accountReadersOf(accounts, name, account)),
})
const known = await knownGatewaySettings.read({ environment: program }).open()
const opened = accountGatewaysOf({
  gateways: gatewaysOf([{ name: 'none', keyTtlMs: 1, charge: async () => UNKNOWN }]),
  create: known.create,
  sql: api.sql,
  seal,
  log: createLog('test', { logLevel: 'silent', logFormat: 'json' }),
})
accounts = opened
afterAll(async () => {
  await opened.close()
  await api.close()
})

const UNKNOWN = { type: 'UNKNOWN', reason: 'no answer' } as const
const credentials = new CredentialStore(api.sql, seal)
for (const id of ['acme', 'beta', 'bare'])
  await createAccountStore(api.sql).create({ id, name: id, mode: null })
const adyen = { ADYEN_API_KEY: 'AQE_of_the_account', ADYEN_MERCHANT_ACCOUNT: 'Acme' }
const stripe = { STRIPE_SECRET_KEY: 'sk_test_acme' }

function set(account: string, gateway: string, variables: Record<string, string>, gatewayAccount?: 'other') {
  return credentials.set({ account, gateway, mode: 'test', variables, gatewayAccount })
}
await set('acme', 'adyen', { ...adyen, ADYEN_HMAC_KEY: KEYS.acme })
await set('acme', 'stripe', { ...stripe, STRIPE_WEBHOOK_SECRET: WHSEC.acme })
await set('bare', 'adyen', adyen)
await set('bare', 'stripe', stripe)
await opened.start()

/** A payment of an account whose charge got no answer at a place. */
async function unanswered(account: string, place: string): Promise<string> {
  const given = { account, amount: 500, currency: 'EUR', idempotencyKey: crypto.randomUUID() }
  const answer = await api.store.create(given)
  if (answer.kind !== 'created') throw new Error(answer.kind)
  const { id } = answer.payment
  await createPay(api.store)(id, {
    gateway: { name: place, keyTtlMs: 3_600_000, charge: async () => UNKNOWN },
  })
  expect(await api.store.get(id)).toMatchObject({ gateway: place, attemptOpen: true })
  return id
}

/** Reports a charge as Adyen does. */
function report(path: string, id: string, hmacKey: string, merchantAccount = 'Acme'): Promise<Response> {
  const item = {
    eventCode: 'AUTHORISATION',
    pspReference: `PSP${id.slice(-12).toUpperCase()}`,
    merchantReference: `titan_${id}_1`,
    amount: { value: 500, currency: 'EUR' },
    success: true,
  } as const
  const body = adyenNotification([item], { merchantAccount, hmacKey, now: Date.now() })
  return api.request(`/gateway-webhooks/${path}`, { method: 'POST', body: JSON.stringify(body) })
}

async function statusOf(id: string) {
  return (await api.store.get(id))?.status
}

test('an account’s webhook ends its payment, signed with its own secret alone', async () => {
  const id = await unanswered('acme', 'adyen@acme.1')
  for (const [path, key] of [
    ['adyen/acme', KEYS.program],
    ['adyen', KEYS.acme],
    ['adyen/beta', KEYS.acme],
    ['adyen/bare', KEYS.program],
  ] as const)
    expect((await report(path, id, key)).status, path).toBe(400)
  expect(await statusOf(id)).toBe('PROCESSING')
  for (let copy = 0; copy < 2; copy++) {
    const taken = await report('adyen/acme', id, KEYS.acme)
    expect([taken.status, await taken.text()]).toEqual([202, '[accepted]'])
  }
  expect(await statusOf(id)).toBe('SUCCESS')
  expect(await api.store.breaks(id)).toEqual([])
})

test('what began under earlier credentials is reported to their place', async () => {
  const id = await unanswered('acme', 'adyen@acme.1')
  await set('acme', 'adyen', { ...adyen, ADYEN_HMAC_KEY: KEYS.later }, 'other')
  await eventually(() =>
    expect(opened.ofAccount('adyen', 'acme').map(({ name }) => name)).toEqual([
      'adyen@acme.2',
      'adyen@acme.1',
    ]),
  )
  // Signed at the other place: not about this attempt.
  expect((await report('adyen/acme', id, KEYS.later)).status).toBe(202)
  expect(await statusOf(id)).toBe('PROCESSING')
  expect((await report('adyen/acme', id, KEYS.acme)).status).toBe(202)
  expect(await statusOf(id)).toBe('SUCCESS')
  expect(await api.store.breaks(id)).toEqual([])
})

test('places that share a secret each get what is of their merchant account', async () => {
  const hmacKey = '44'.repeat(32)
  await createAccountStore(api.sql).create({ id: 'both', name: 'both', mode: null })
  await set('both', 'adyen', { ...adyen, ADYEN_HMAC_KEY: hmacKey })
  const before = await unanswered('both', 'adyen@both.1')
  const later = { ...adyen, ADYEN_MERCHANT_ACCOUNT: 'Later', ADYEN_HMAC_KEY: hmacKey }
  await set('both', 'adyen', later, 'other')
  await eventually(() => expect(opened.ofAccount('adyen', 'both')).toHaveLength(2))
  const after = await unanswered('both', 'adyen@both.2')
  for (const [id, merchantAccount] of [
    [before, 'Acme'],
    [after, 'Later'],
  ] as const) {
    expect((await report('adyen/both', id, hmacKey, merchantAccount)).status).toBe(202)
    expect(await statusOf(id)).toBe('SUCCESS')
  }
})

test('an account can say nothing about payments of another one', async () => {
  const ids = [await unanswered('beta', 'adyen'), await unanswered('beta', 'adyen')]
  const [open = '', settled = ''] = ids
  const login = { authorization: `Basic ${Buffer.from(program.ADYEN_WEBHOOK_LOGIN).toString('base64')}` }
  const { pspReference, ...item } = {
    eventCode: 'AUTHORISATION',
    pspReference: 'PSPOFBETA',
    merchantReference: `titan_${settled}_1`,
    amount: { value: 500, currency: 'EUR' },
    success: true,
  } as const
  const signing = { merchantAccount: 'Acme', hmacKey: KEYS.program, now: Date.now() }
  const body = JSON.stringify(adyenNotification([{ ...item, pspReference }], signing))
  await api.request('/gateway-webhooks/adyen', { method: 'POST', headers: login, body })
  expect(await statusOf(settled)).toBe('SUCCESS')
  const events = await Promise.all(ids.map((id) => api.store.events(id)))
  for (const id of [open, settled]) expect((await report('adyen/acme', id, KEYS.later)).status).toBe(202)
  expect(await Promise.all(ids.map((id) => api.store.events(id)))).toEqual(events)
  expect(await api.store.breaks(settled)).toEqual([])
})

test('an account can say nothing about what its payments did elsewhere', async () => {
  await createAccountStore(api.sql).create({ id: 'moved', name: 'moved', mode: null })
  const id = await unanswered('moved', 'adyen')
  const succeeded = { type: 'SUCCEEDED', gatewayRef: 'PSPMOVED', amount: 500, currency: 'EUR' } as const
  await applyOutcome(
    { paymentId: id, attemptNo: 1, gateway: 'adyen', outcome: succeeded, actor: 'test' },
    { store: api.store },
  )
  const refund = await api.store.createMovement({
    kind: 'refund',
    paymentId: id,
    amount: 200,
    idempotencyKey: 'refund',
    actor: 'test',
  })
  if (refund.kind !== 'created') throw new Error(refund.kind)
  await createPay(api.store)(refund.movement.id, {
    gateway: {
      name: 'adyen',
      keyTtlMs: 3_600_000,
      charge: async () => UNKNOWN,
      move: async () => ({ ...succeeded, gatewayRef: 'PSPREFUND', amount: 200 }),
    },
  })
  await set('moved', 'adyen', { ...adyen, ADYEN_HMAC_KEY: KEYS.moved })
  await eventually(() => expect(opened.ofAccount('adyen', 'moved')).toHaveLength(1))
  const before = await api.store.get(id)
  expect(before).toMatchObject({ status: 'SUCCESS', amountRefunded: 200 })
  const amount = { value: 200, currency: 'EUR' }
  const said = {
    success: true,
    merchantReference: `titan_${refund.movement.id}_1`,
    originalReference: 'PSPMOVED',
    amount,
  }
  for (const item of [
    { ...said, eventCode: 'REFUND_FAILED', pspReference: 'PSPREFUND' },
    { ...said, eventCode: 'REFUND', pspReference: 'PSPREFUND', success: false },
    { ...said, eventCode: 'CHARGEBACK', pspReference: 'PSPDISPUTE', merchantReference: `titan_${id}_1` },
  ] as const) {
    const body = adyenNotification([item], { merchantAccount: 'Acme', hmacKey: KEYS.moved, now: Date.now() })
    const answer = await api.request('/gateway-webhooks/adyen/moved', {
      method: 'POST',
      body: JSON.stringify(body),
    })
    expect(answer.status).toBe(202)
  }
  expect((await report('adyen/moved', id, KEYS.moved)).status).toBe(202)
  expect(await api.store.breaks(id)).toEqual([])
  expect(await api.store.get(id)).toEqual(before)
})

test('Stripe’s signature is in its header', async () => {
  const event = {
    id: 'evt_1',
    object: 'event',
    type: 'customer.created',
    created: Math.floor(Date.now() / 1_000),
    api_version: '2024-06-20',
    livemode: false,
    data: { object: { id: 'cus_1', object: 'customer' } },
  }
  const body = JSON.stringify(event)
  const send = (secret: string) => {
    const headers = { 'stripe-signature': signatureHeader(body, secret, Date.now()) }
    return api.request('/gateway-webhooks/stripe/acme', { method: 'POST', headers, body })
  }
  expect((await send(WHSEC.program)).status).toBe(400)
  expect((await send(WHSEC.acme)).status).toBe(200)
})

test('an answer does not tell which accounts have credentials', async () => {
  const answers = []
  for (const path of ['adyen/acme', 'adyen/bare', 'adyen/beta', 'adyen/nobody', 'stripe/acme', 'acme/acme']) {
    const bodies = []
    for (const body of ['', '{}', '{"notificationItems":[]}']) {
      const response = await api.request(`/gateway-webhooks/${path}`, { method: 'POST', body })
      const { instance: _, request_id: __, ...rest } = (await response.json()) as Record<string, unknown>
      bodies.push({ status: response.status, ...rest })
    }
    answers.push(JSON.stringify(bodies))
  }
  expect(new Set(answers).size).toBe(1)
  expect(answers[0]).toContain('gateway-webhook-refused')
})
