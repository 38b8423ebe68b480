import { appendFile, readFile } from 'node:fs/promises'
import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { readLedger, spawnGatewaySimulator, type SpawnedSimulator } from '../src/index.ts'
import { ask, charge, newLedgerPath, startSimulator } from './support/rig.ts'

async function spawnSimulator(ledgerPath: string, laterMs = 500): Promise<SpawnedSimulator> {
  const simulator = await spawnGatewaySimulator({ ledgerPath, laterMs })
  onTestFinished(() => simulator.close())
  return simulator
}

test('charges and stored answers outlive SIGKILL', async () => {
  const ledgerPath = await newLedgerPath()
  const first = await spawnSimulator(ledgerPath)
  await first.order({ behaviours: ['ok', 'decline:stolen_card', '500_after'] })
  const before = []
  for (const key of ['k1', 'k2', 'k3']) before.push(await charge(first.url, { key, payment: `pay_${key}` }))
  await first.kill()
  const second = await spawnSimulator(ledgerPath)
  const after = []
  for (const key of ['k1', 'k2', 'k3']) after.push(await charge(second.url, { key, payment: `pay_${key}` }))
  expect(after.map(({ status, body }) => ({ status, body }))).toEqual(
    before.map(({ status, body }) => ({ status, body })),
  )
  expect((await readLedger(ledgerPath)).charges.map(({ reference }) => reference)).toEqual([
    'pay_k1',
    'pay_k3',
  ])
})

test('no charge that was answered is lost, and none is made twice, by SIGKILL under load', async () => {
  const ledgerPath = await newLedgerPath()
  const answered: string[] = []
  const keys = Array.from({ length: 300 }, (_, index) => `k${index}`)
  let simulator = await spawnSimulator(ledgerPath)
  const { url } = simulator
  const chargeAll = Promise.all(
    keys.map(async (key) => {
      if ((await charge(url, { key, payment: key })).status === 200) answered.push(key)
    }),
  ).catch(() => {})
  await eventually(() => answered.length > 20)
  await simulator.kill()
  await chargeAll
  simulator = await spawnSimulator(ledgerPath)
  for (const key of keys) expect((await charge(simulator.url, { key, payment: key })).status).toBe(200)
  const references = (await readLedger(ledgerPath)).charges.map(({ reference }) => reference)
  expect(references).toHaveLength(keys.length)
  expect(new Set(references)).toEqual(new Set(keys))
  expect(references).toEqual(expect.arrayContaining(answered))
})

test('an outcome that was still to come, comes after a restart', async () => {
  const ledgerPath = await newLedgerPath()
  const first = await spawnSimulator(ledgerPath)
  await first.order({ behaviours: ['pending_then:ok@200'] })
  expect((await charge(first.url, { key: 'k1' })).body.status).toBe('processing')
  await first.kill()
  await spawnSimulator(ledgerPath)
  await eventually(async () => (await readLedger(ledgerPath)).charges.length === 1)
})

test('a line that was half written is cut off', async () => {
  const ledgerPath = await newLedgerPath()
  const first = await startSimulator({ ledgerPath })
  await charge(first.url, { key: 'k1' })
  await first.close()
  await appendFile(ledgerPath, '{"type":"executed","at":17')
  expect((await readLedger(ledgerPath)).charges).toHaveLength(1)
  const second = await startSimulator({ ledgerPath })
  await charge(second.url, { key: 'k2' })
  expect((await readLedger(ledgerPath)).charges).toHaveLength(2)
  expect((await readFile(ledgerPath, 'utf8')).includes('"at":17{')).toBe(false)
})

test('the ledger over HTTP says what the file says', async () => {
  const { url, ledgerPath } = await startSimulator()
  await charge(url, { key: 'k1' })
  const { body } = await ask(`${url}/_ledger`)
  const { charges, requests } = await readLedger(ledgerPath)
  expect(body).toMatchObject({ charges, requests, mismatches: 0 })
})

test('intents are found by id and by metadata', async () => {
  const { url } = await startSimulator()
  const { body } = await charge(url, { key: 'k1', payment: 'pay_7' })
  await charge(url, { key: 'k2', payment: 'pay_8' })
  const query = encodeURIComponent(`metadata['payment_id']:'pay_7'`)
  expect((await ask(`${url}/v1/payment_intents/${body.id}`)).body.id).toBe(body.id)
  const search = `${url}/v1/payment_intents/search?query=${query}`
  expect((await ask(search)).body.data).toMatchObject([{ id: body.id }])
  expect((await ask(`${url}/v1/payment_intents/pi_none`)).status).toBe(404)
})

test('a search does not find what is younger than its lag', async () => {
  const { url } = await startSimulator({ searchLagMs: 60_000 })
  const { body } = await charge(url, { key: 'k1' })
  const query = encodeURIComponent(`metadata['payment_id']:'pay_1'`)
  expect((await ask(`${url}/v1/payment_intents/search?query=${query}`)).body.data).toEqual([])
  expect((await ask(`${url}/v1/payment_intents/${body.id}`)).status).toBe(200)
})
