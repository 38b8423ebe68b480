import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { checkSecret, newSecret, sign } from '../src/model/secrets.ts'

const secretOf = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`

test('a new secret is whsec_ and 32 bytes that never come twice', () => {
  const [one, other] = [newSecret(), newSecret()]
  expect(one).not.toBe(other)
  expect(Buffer.from(one.replace(/^whsec_/, ''), 'base64')).toHaveLength(32)
  expect(checkSecret(one)).toBe(one)
})

test.each([24, 32, 64])('a secret of %i bytes is taken', (bytes) => {
  expect(checkSecret(secretOf(bytes))).toBe(secretOf(bytes))
})

test.each([
  secretOf(23),
  secretOf(65),
  secretOf(32).replace('whsec_', ''),
  secretOf(32).replace('whsec_', 'v1,whsec_'),
  `${secretOf(32)} `,
  `whsec_${'!'.repeat(44)}`,
  'whsec_',
  '',
])('%j is no secret, and is not repeated in the message', (text) => {
  expect(() => checkSecret(text)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ENDPOINT',
      field: 'secret',
      message: expect.not.stringContaining('BwcH'),
    }),
  )
})

test('every secret signs, and each signature can be verified alone', () => {
  const secrets = [newSecret(), newSecret()]
  const body = '{"amount":1,"note":"ä€😀"}'
  const headers = { ...sign({ id: 'evt_1_2', at: new Date(), body }, secrets) }
  expect(headers['webhook-signature'].split(' ')).toHaveLength(2)
  for (const secret of secrets) expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body))
  expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow('No matching signature')
  expect(() => new Webhook(secrets[0] ?? '').verify(`${body} `, headers)).toThrow('No matching signature')
})
