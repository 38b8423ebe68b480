import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { SecretBox } from '../src/model/secrets.ts'

const [old, present] = [randomBytes(32), randomBytes(32)]
const unreadable = expect.objectContaining({ code: 'SECRET_UNREADABLE' })

test('what is sealed is opened again, and looks different each time', () => {
  const box = new SecretBox([present])
  const [one, other] = [box.seal('whsec_äöü', 'we_1'), box.seal('whsec_äöü', 'we_1')]
  expect(one.equals(other)).toBe(false)
  expect(one.toString('latin1')).not.toContain('whsec_')
  expect(box.open(one, 'we_1')).toBe('whsec_äöü')
})

test('it is opened in its own context only', () => {
  const box = new SecretBox([present])
  expect(() => box.open(box.seal('s', 'we_1'), 'we_2')).toThrow(unreadable)
})

test('a single changed byte is noticed, wherever it is', () => {
  const box = new SecretBox([present])
  const sealed = box.seal('secret', 'we_1')
  for (const [index] of sealed.entries()) {
    const altered = Buffer.from(sealed)
    altered.writeUInt8(altered.readUInt8(index) ^ 1, index)
    expect(() => box.open(altered, 'we_1')).toThrow(unreadable)
  }
  expect(() => box.open(Buffer.alloc(0), 'we_1')).toThrow(unreadable)
  expect(() => box.open(sealed.subarray(0, -1), 'we_1')).toThrow(unreadable)
})

test('after a change of keys the old one opens and the new one seals', () => {
  const sealed = new SecretBox([old]).seal('secret', 'we_1')
  const both = new SecretBox([present, old])
  expect(both.open(sealed, 'we_1')).toBe('secret')
  expect(new SecretBox([present]).open(both.seal('secret', 'we_1'), 'we_1')).toBe('secret')
  expect(() => new SecretBox([present]).open(sealed, 'we_1')).toThrow(unreadable)
})
