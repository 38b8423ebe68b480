import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readInputFile } from '../../src/demo/input-file.ts'
import { createFolder } from '../support/folder.ts'

function writeInput(bytes: string | Buffer): string {
  const file = join(createFolder(), 'payments.csv')
  writeFileSync(file, bytes)
  return file
}

const TEXT = 'idempotency_key,amount,currency\r\norder-1,500,EUR\r\norder-2,1250,EUR\r\n'
const SAMPLES = [
  { amount: 500, idempotencyKey: 'order-1', currency: 'EUR' },
  { amount: 1_250, idempotencyKey: 'order-2', currency: 'EUR' },
]

test.each([
  ['UTF-8', Buffer.from(TEXT)],
  ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${TEXT}`)],
  ['UTF-16, little endian', Buffer.from(`\uFEFF${TEXT}`, 'utf16le')],
  ['UTF-16, big endian', Buffer.from(`\uFEFF${TEXT}`, 'utf16le').swap16()],
  ['tabs in UTF-16, as Excel writes them', Buffer.from(`\uFEFF${TEXT.replaceAll(',', '\t')}`, 'utf16le')],
  // F263
])('a file in %s is read', async (_encoding, bytes) => {
  expect(await readInputFile(writeInput(bytes))).toEqual({ samples: SAMPLES, problems: [] })
})

test('UTF-16 without a byte order mark is named', async () => {
  const file = writeInput(Buffer.from(TEXT, 'utf16le'))
  await expect(readInputFile(file)).rejects.toThrow(
    'UTF-16 without a byte order mark? Save the file as UTF-8',
  )
})

// F266
test('a file that is longer than the limit is refused, whatever it says of its size', async () => {
  await expect(readInputFile(writeInput(TEXT), 20)).rejects.toThrow('longer than 20 bytes; split it')
  await expect(readInputFile('/dev/zero', 1_000_000)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

test('a folder in the place of a file is refused', async () => {
  await expect(readInputFile(createFolder())).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})
