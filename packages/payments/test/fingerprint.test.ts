import fc from 'fast-check'
import { expect, test } from 'vitest'
import { detailsDigest, fingerprint, isOfFirstVersion, MEMBER_RULES } from '../src/domain/request.ts'
import type { PaymentRequest } from '../src/index.ts'

const text = fc.string({ minLength: 1, maxLength: 20 })
const pairs = fc.dictionary(text, text, { minKeys: 1, maxKeys: 5, noNullPrototype: true })
const time = fc.date({ min: new Date('2026-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })

/** What a client may say, each member or not. */
const members: { [Name in keyof Required<PaymentRequest>]: fc.Arbitrary<PaymentRequest[Name]> } = {
  amount: fc.integer({ min: 1 }),
  currency: fc.constantFrom('USD', 'EUR', 'JPY'),
  idempotencyKey: text,
  paymentMethod: fc.oneof(text, pairs),
  customer: fc.oneof(text, pairs),
  reference: text,
  description: text,
  statementDescriptor: text,
  metadata: pairs,
  capture: fc.constantFrom('automatic', 'manual'),
  customerPresent: fc.boolean(),
  returnUrl: text,
  priority: fc.constantFrom('high', 'default', 'low'),
  executeAt: time,
  expiresAt: time,
}
const names = Object.keys(members) as (keyof PaymentRequest)[]
const request = fc.record(members, {
  requiredKeys: ['amount', 'idempotencyKey'],
}) as fc.Arbitrary<PaymentRequest>

test.each(names)('another %s alone is another fingerprint', (name) => {
  const another = fc.tuple(request, members[name] as fc.Arbitrary<unknown>)
  fc.assert(
    fc.property(another, ([given, value]) => {
      fc.pre(JSON.stringify(normal({ ...given, [name]: value })) !== JSON.stringify(normal(given)))
      expect(fingerprint({ ...given, [name]: value })).not.toBe(fingerprint(given))
    }),
  )
})

test('the order of pairs and a default that is spelled out change nothing', () => {
  fc.assert(
    fc.property(request, (given) => {
      const turned = { ...given, metadata: turn(given.metadata), customer: turn(given.customer) }
      expect(fingerprint(turned as PaymentRequest)).toBe(fingerprint(given))
    }),
  )
  const plain = { amount: 500, idempotencyKey: 'k' }
  expect(fingerprint({ ...plain, currency: 'USD', priority: 'default' })).toBe(fingerprint(plain))
  expect(detailsDigest(plain)).toBeUndefined()
})

test('one member is never taken for another', () => {
  const plain = { amount: 500, idempotencyKey: 'k' }
  const digests = ['customer', 'reference', 'description', 'statementDescriptor', 'paymentMethod'].map(
    (name) => fingerprint({ ...plain, [name]: 'one' }),
  )
  expect(new Set(digests).size).toBe(digests.length)
})

test('a request is of the first version when it says amount and currency only', () => {
  expect(isOfFirstVersion({ amount: 1, idempotencyKey: 'k', currency: 'EUR', priority: 'default' })).toBe(
    true,
  )
  expect(isOfFirstVersion({ amount: 1, idempotencyKey: 'k', reference: 'default' })).toBe(false)
  expect(isOfFirstVersion({ amount: 1, idempotencyKey: 'k', executeAt: new Date() })).toBe(false)
})

test.each([
  ['reference', ['a', 'x'.repeat(255)], ['', 'x'.repeat(256), 'a\nb', '\ud800']],
  [
    'returnUrl',
    ['https://shop.example/back?a=b', 'http://localhost:3000/', 'http://127.0.0.1/x', 'http://[::1]/'],
    [
      'http://shop.example/',
      'shop.example',
      'https://a b/',
      'https://a:b@shop.example/',
      `https://a/${'x'.repeat(2_048)}`,
    ],
  ],
  ['description', ['x'.repeat(500)], ['', 'x'.repeat(501)]],
  [
    'statementDescriptor',
    ['SHOP1', 'A 1234567890123456789.'],
    ['SHOP', '12345', 'SHOP*ONE', 'x'.repeat(23), 'CAFÉ 1'],
  ],
  [
    'paymentMethod',
    ['pm_1', { stripe: 'pm_1' }],
    ['', 'pm 1', {}, { Stripe: 'pm_1' }, { stripe: '' }, 'x'.repeat(256)],
  ],
  [
    'metadata',
    [{ a: 'b' }, Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k${n}`, 'v']))],
    [
      {},
      { 'a[b]': 'c' },
      { ['x'.repeat(41)]: 'v' },
      { a: 'x'.repeat(501) },
      { a: '' },
      Object.fromEntries(Array.from({ length: 41 }, (_, n) => [`k${n}`, 'v'])),
      Object.fromEntries(Array.from({ length: 13 }, (_, n) => [`k${n}`, 'v'.repeat(500)])),
    ],
  ],
] as const)('%s has its limits', (name, good, bad) => {
  const { fits } = MEMBER_RULES[name] as { fits: (value: unknown) => boolean }
  expect(good.filter((value) => !fits(value))).toEqual([])
  expect(bad.filter((value) => fits(value))).toEqual([])
})

function normal(given: PaymentRequest): unknown[] {
  const sorted = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !(value instanceof Date)
      ? Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
      : value
  const defaults = {
    currency: 'USD',
    priority: 'default',
    capture: 'automatic',
    customerPresent: false,
  } as const
  const whole: PaymentRequest = { ...defaults, ...given }
  return names.map((name) => sorted(whole[name]))
}

function turn(value: unknown): unknown {
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).toReversed())
    : value
}
