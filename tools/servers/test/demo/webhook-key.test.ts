import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { webhookVariables } from '../../src/demo/webhook-key.ts'
import { LocalError } from '../../src/errors.ts'
import { createFolder } from '../support/folder.ts'

it('makes a key once and keeps it where only its owner can read it', () => {
  const file = join(createFolder(), 'state', 'webhook-key')

  const { WEBHOOK_ENCRYPTION_KEY: key } = webhookVariables(file, {})

  expect(Buffer.from(String(key), 'base64')).toHaveLength(32)
  expect(readFileSync(file, 'utf8')).toBe(key)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(webhookVariables(file, {})).toMatchObject({ WEBHOOK_ENCRYPTION_KEY: key })
})

it('lets receivers on this machine be reached, unless the user says where webhooks may go', () => {
  const file = join(createFolder(), 'webhook-key')

  expect(webhookVariables(file, {})).toMatchObject({ WEBHOOK_ALLOWED_SUBNETS: '127.0.0.0/8,::1/128' })
  expect(webhookVariables(file, { WEBHOOK_ALLOWED_SUBNETS: '10.0.0.0/8', WEBHOOK_TIMEOUT_MS: '' })).toEqual(
    expect.objectContaining({ WEBHOOK_ALLOWED_SUBNETS: '10.0.0.0/8', WEBHOOK_ALLOW_HTTP: 'true' }),
  )
})

it('leaves everything to a user with a key', () => {
  const file = join(createFolder(), 'webhook-key')

  expect(webhookVariables(file, { WEBHOOK_ENCRYPTION_KEY: 'mine' })).toEqual({})
})

it('tells of a folder that cannot be used', () => {
  const blocked = join(createFolder(), 'file')
  writeFileSync(blocked, '')

  expect(() => webhookVariables(join(blocked, 'webhook-key'), {})).toThrow(LocalError)
})
