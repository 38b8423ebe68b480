import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ledgerVariables } from '../../src/demo/ledger.ts'
import { createFolder } from '../support/folder.ts'

test('the ledger begins with the database, and only then', () => {
  const folder = createFolder()
  const path = join(folder, 'gateway-ledger.jsonl')
  expect(ledgerVariables(folder, {})).toEqual({ GATEWAY_LEDGER: path })
  mkdirSync(join(folder, 'postgres'))
  writeFileSync(path, 'kept\n')
  expect(ledgerVariables(folder, { GATEWAYS: 'stripe, simulated' })).toEqual({ GATEWAY_LEDGER: path })
  expect(readFileSync(path, 'utf8')).toBe('kept\n')

  const earlier = createFolder()
  mkdirSync(join(earlier, 'postgres'))
  expect(ledgerVariables(earlier, {})).toEqual({})
})

test('there is none for other gateways and databases, unless it is named', () => {
  const folder = createFolder()
  expect(ledgerVariables(folder, { GATEWAY: 'stripe' })).toEqual({})
  expect(ledgerVariables(folder, { DATABASE_URL: 'postgres://db/titan' })).toEqual({})
  expect(existsSync(join(folder, 'gateway-ledger.jsonl'))).toBe(false)
  const named = { DATABASE_URL: 'postgres://db/titan', GATEWAY_LEDGER: '/data/ledger' }
  expect(ledgerVariables(folder, named)).toEqual({ GATEWAY_LEDGER: '/data/ledger' })
})
