import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LedgerEntry } from '@titan/gateway-simulator'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LedgerError, readLedgerFile, type LedgerFact, type LedgerLine } from '../../src/index.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'titan-ledger-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function read(text: string): Promise<LedgerFact[]> {
  const path = join(folder, 'ledger.jsonl')
  await writeFile(path, text)
  const facts: LedgerFact[] = []
  for await (const fact of readLedgerFile(path)) facts.push(fact)
  return facts
}

// The gateway simulator writes lines that this reader understands: the compiler compares the two types.
const lineOf = (entry: LedgerEntry): LedgerLine => entry

const REQUEST = {
  type: 'request',
  id: 'req_1',
  at: 1,
  method: 'POST',
  path: '/v1/payment_intents',
  key: 'k1',
  reference: 'pay_1',
  amount: 5,
  currency: 'usd',
  behaviour: 'ok',
} as const
const ANSWERED = {
  type: 'answered',
  at: 2,
  request: 'req_1',
  status: 400,
  delivery: 'ok',
  isReplay: false,
  isMismatch: true,
} as const

it('reads requests and mismatches, and leaves out a last line that is half written', async () => {
  const lines = [REQUEST, ANSWERED].map((entry) => JSON.stringify(lineOf(entry)))
  expect(await read(`${lines.join('\n')}\n{"type":"exec`)).toEqual([
    { type: 'request', request: REQUEST },
    { type: 'mismatch', key: 'k1' },
  ])
})

it('names the line before the last that is not JSON', async () => {
  await expect(read(`{"type":\n${JSON.stringify(REQUEST)}\n`)).rejects.toThrow(
    /ledger\.jsonl: line 1 is not JSON$/,
  )
  await expect(read(`{"type":\n${JSON.stringify(REQUEST)}\n`)).rejects.toBeInstanceOf(LedgerError)
})
