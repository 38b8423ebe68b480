import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  createSimulatedGateway,
  readLedgerFile,
  type ChargeRequest,
  type LedgerFact,
  type MovementRequest,
} from '../../src/index.ts'

const options = { signal: new AbortController().signal }

async function rig() {
  const folder = await mkdtemp(join(tmpdir(), 'titan-simulated-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const ledgerFile = join(folder, 'ledger.jsonl')
  async function facts(): Promise<LedgerFact[]> {
    const found: LedgerFact[] = []
    for await (const fact of readLedgerFile(ledgerFile)) found.push(fact)
    return found
  }
  return {
    ledgerFile,
    open: (given: Parameters<typeof createSimulatedGateway>[0] = {}) =>
      createSimulatedGateway({ delayMs: 0, ledgerFile, ...given }),
    facts,
    charges: async () => (await facts()).flatMap((fact) => (fact.type === 'charge' ? [fact.charge] : [])),
  }
}

function requestOf(key: string, given: Partial<ChargeRequest> = {}): ChargeRequest {
  return { paymentId: `pay_${key}`, attemptNo: 1, gatewayKey: key, amount: 500, currency: 'USD', ...given }
}

function moveOf(kind: MovementRequest['kind'], chargeRef: string, amount: number): MovementRequest {
  const ours = { movementId: `${kind}_1`, paymentId: 'pay_k', attemptNo: 1, chargeKey: 'k' }
  return { kind, ...ours, gatewayKey: `${kind}_key`, amount, currency: 'USD', chargeRef }
}

test('a key of before a restart is answered as before, and another process knows it too', async () => {
  const { open, charges } = await rig()
  const [first, neighbour] = [open(), open()]
  const answer = await first.charge(requestOf('k'), options)
  expect(answer).toMatchObject({ type: 'SUCCEEDED' })
  expect(await neighbour.charge(requestOf('k'), options)).toEqual(answer)
  await first.close?.()

  const restarted = open()
  // A key that is undefined says what a missing one says.
  expect(await restarted.charge(requestOf('k', { customer: undefined }), options)).toEqual(answer)
  expect(await restarted.charge(requestOf('k', { amount: 501 }), options)).toMatchObject({ type: 'UNKNOWN' })
  expect(restarted.mismatches).toBe(1)
  expect(await charges()).toMatchObject([{ key: 'k', reference: 'pay_k', amount: 500, currency: 'usd' }])
})

test('the facts are those of every ledger, in its units, without personal data', async () => {
  const { open, facts, ledgerFile } = await rig()
  const gateway = open()
  await gateway.charge(requestOf('isk', { currency: 'ISK', description: 'for Ann\u2028Smith' }), options)
  await gateway.charge(requestOf('isk', { currency: 'ISK', amount: 1 }), options)

  const request = { method: 'POST', path: '/v1/payment_intents', key: 'isk', amount: 50_000, currency: 'isk' }
  expect(await facts()).toMatchObject([
    { type: 'request', request },
    { type: 'charge', charge: { key: 'isk', amount: 50_000, currency: 'isk' } },
    { type: 'request', request: { ...request, amount: 100 } },
    { type: 'mismatch', key: 'isk' },
  ])
  expect(await readFile(ledgerFile, 'utf8')).not.toContain('Ann')
  expect((await stat(ledgerFile)).mode & 0o777).toBe(0o600)
})

test('an authorization is remembered with its captures and refunds', async () => {
  const { open, facts } = await rig()
  const manual = requestOf('k', { capture: 'manual' })
  const authorized = await open().charge(manual, options)
  expect(authorized).toMatchObject({ type: 'AUTHORIZED' })
  // The end of the authorization is a time again.
  expect(await open().charge(manual, options)).toEqual(authorized)
  const ref = 'gatewayRef' in authorized ? (authorized.gatewayRef ?? '') : ''
  await open().move?.(moveOf('capture', ref, 400), options)
  const refunded = await open().move?.(moveOf('refund', ref, 300), options)
  expect(await open().move?.(moveOf('refund', ref, 300), options)).toEqual(refunded)
  const second = { ...moveOf('refund', ref, 300), gatewayKey: 'refund_other' }
  expect(await open().move?.(second, options)).toMatchObject({ code: 'refund_exceeds_charge' })

  const money = (await facts()).filter(({ type }) => type === 'charge' || type === 'movement')
  expect(money).toMatchObject([
    { charge: { id: ref, key: 'k', amount: 400 } },
    { movement: { kind: 'capture', id: ref, key: 'capture_key', payment: 'pay_k', amount: 400 } },
    { movement: { kind: 'refund', intentId: ref, key: 'refund_key', amount: 300, status: 'succeeded' } },
  ])
})

test('what was canceled or answered later stays so, and chance continues where it was', async () => {
  const { open, charges } = await rig()
  const lookup = { kind: 'charge', paymentId: 'pay_k', gatewayKey: 'k' } as const
  const asks = requestOf('k', { paymentMethod: 'threeDSecure', customerPresent: true })
  await open().charge(asks, options)
  await open().abandon?.(lookup, options)
  expect(await open().lookup?.(lookup, options)).toMatchObject({ outcome: { type: 'DECLINED' } })
  await open().charge({ ...asks, paymentId: 'pay_b', gatewayKey: 'b' }, options)
  expect(open().answer('b', 'succeed')).toBe(true)
  expect(await charges()).toMatchObject([{ key: 'b', reference: 'pay_b' }])

  const script = (_request: ChargeRequest, send: number) => (send === 1 ? 'transient' : 'succeed')
  expect(await open({ script }).charge(requestOf('c'), options)).toMatchObject({ type: 'NOT_SENT' })
  expect(await open({ script }).charge(requestOf('c'), options)).toMatchObject({ type: 'SUCCEEDED' })
})

test('a line that a crash left half written is cut off', async () => {
  const { open, charges, ledgerFile } = await rig()
  await open().charge(requestOf('k'), options)
  await appendFile(ledgerFile, '{"type":"executed","charge":{"id":"half')
  await open().charge(requestOf('b'), options)
  expect((await charges()).map(({ key }) => key)).toEqual(['k', 'b'])
})

test('a ledger that cannot be written charges nothing more', async () => {
  const { open } = await rig()
  const gateway = open({ ledgerFile: '/dev/full' })
  await expect(gateway.charge(requestOf('k'), options)).rejects.toThrow('ENOSPC')
  await expect(gateway.charge(requestOf('k'), options)).rejects.toThrow('cannot be written')
})
