import { Webhook } from 'standardwebhooks'
import { expect, it } from 'vitest'
import { TitanError, verifyWebhook, type VerifyWebhookOptions } from '../src/index.ts'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const OTHER = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
const BODY = JSON.stringify({
  type: 'payment.succeeded',
  timestamp: '2026-11-24T12:00:01.456Z',
  data: {
    payment_id: 'pay_1',
    amount: 500,
    currency: 'USD',
    status: 'SUCCESS',
    sequence: 4,
    description: 'Größe – 靴',
  },
})

/** The headers of a body, signed by the library of the standard. */
function signed({ body = BODY, secrets = [SECRET], at = new Date(), id = 'evt_1' } = {}) {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  }
}

/** The code of the error that a verification ends with. */
function codeOf(
  headers: Parameters<typeof verifyWebhook>[0],
  body: string | Uint8Array = BODY,
  secrets: string | readonly string[] = SECRET,
  options?: VerifyWebhookOptions,
): string {
  try {
    verifyWebhook(headers, body, secrets, options)
    return 'verified'
  } catch (error) {
    return error instanceof TitanError ? error.code : String(error)
  }
}

it('returns the event of what the library of the standard has signed, and that library takes it too', () => {
  const headers = signed()
  const { id, event } = verifyWebhook(headers, BODY, SECRET)
  expect(event).toEqual(new Webhook(SECRET).verify(BODY, headers))
  expect(id).toBe('evt_1')
  // The types follow the type of the event.
  expect(event.type === 'payment.succeeded' && event.data.amount).toBe(500)
})

it('takes the vector that the specification gives, whatever its age', () => {
  const headers = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  }
  const { event } = verifyWebhook(headers, '{"test": 2432232314}', SECRET, {
    toleranceMs: Number.MAX_SAFE_INTEGER,
  })
  expect(event).toEqual({ test: 2_432_232_314 })
  expect(codeOf(headers, '{"test": 2432232314}')).toBe('WEBHOOK_NOT_VERIFIED')
})

it('takes bytes, headers of fetch and of node:http, and names in any case', () => {
  const headers = signed()
  const capitals = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
  )
  for (const given of [new Headers(headers), { ...headers, cookie: ['a', 'b'], host: undefined }, capitals])
    for (const body of [BODY, Buffer.from(BODY), new TextEncoder().encode(BODY)])
      expect(codeOf(given, body)).toBe('verified')
})

it('takes any of several secrets and signatures while a secret is rotated', () => {
  expect(codeOf(signed({ secrets: [OTHER, SECRET] }))).toBe('verified')
  expect(codeOf(signed(), BODY, [OTHER, SECRET])).toBe('verified')
  expect(codeOf(signed({ secrets: [OTHER] }), BODY, [SECRET])).toBe('WEBHOOK_NOT_VERIFIED')
  const headers = signed()
  const asymmetric = { ...headers, 'webhook-signature': `v1a,abc ${headers['webhook-signature']}` }
  expect(codeOf(asymmetric)).toBe('verified')
})

it('refuses what was altered, repeated too late, signed ahead, or not signed', () => {
  const headers = signed()
  const refused = [
    [headers, BODY.replace('500', '501')],
    [headers, `${BODY} `],
    [{ ...headers, 'webhook-id': 'evt_2' }, BODY],
    [{ ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) }, BODY],
    [{ ...headers, 'webhook-signature': headers['webhook-signature'].replace('v1,', 'v2,') }, BODY],
    [{ ...headers, 'webhook-signature': headers['webhook-signature'].slice(0, -4) }, BODY],
    [{ ...headers, 'webhook-signature': 'v1,' }, BODY],
    [{ ...headers, 'webhook-signature': undefined }, BODY],
    [{ ...headers, 'webhook-signature': [headers['webhook-signature'], 'v1,x'] }, BODY],
    [{}, BODY],
    [signed({ at: new Date(Date.now() - 310_000) }), BODY],
    [signed({ at: new Date(Date.now() + 310_000) }), BODY],
  ] as const
  for (const [given, body] of refused) expect(codeOf(given, body)).toBe('WEBHOOK_NOT_VERIFIED')
  expect(codeOf(signed({ at: new Date(Date.now() - 310_000) }), BODY, SECRET, { toleranceMs: 400_000 })).toBe(
    'verified',
  )
})

it('refuses a secret that is none, without repeating it', () => {
  for (const secret of ['', 'whsec_', 'whsec_not base64!', [], ['whsec_%%']])
    expect(codeOf(signed(), BODY, secret)).toBe('INVALID_ARGUMENT')
  expect(() => verifyWebhook(signed(), BODY, 'whsec_hidden!')).toThrow(expect.not.stringContaining('hidden'))
})

it('refuses a body that was parsed, whose text is gone', () => {
  expect(codeOf(signed(), JSON.parse(BODY) as string)).toBe('INVALID_ARGUMENT')
})

it('refuses an amount that JavaScript does not hold exactly', () => {
  const body = BODY.replace('500', '9007199254740993')
  expect(codeOf(signed({ body }), body)).toBe('UNSAFE_NUMBER')
})

it('ends with a code for a body that is signed and no JSON', () => {
  const body = 'no JSON'
  expect(codeOf(signed({ body }), body)).toBe('WEBHOOK_NOT_VERIFIED')
})
