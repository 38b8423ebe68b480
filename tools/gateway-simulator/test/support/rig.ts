import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import {
  startGatewaySimulator,
  type GatewaySimulator,
  type GatewaySimulatorOptions,
} from '../../src/index.ts'

/** A path for a ledger that is removed after the test. */
export async function newLedgerPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'titan-ledger-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'ledger.jsonl')
}

/** A simulator that ends with the test. */
export async function startSimulator(
  options: Partial<GatewaySimulatorOptions> = {},
): Promise<GatewaySimulator> {
  const simulator = await startGatewaySimulator({ ledgerPath: await newLedgerPath(), ...options })
  onTestFinished(() => simulator.close())
  return simulator
}

/** What a client gets. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: {
    readonly id?: string
    readonly status?: string
    readonly amount?: number
    readonly data?: readonly { readonly id: string }[]
    readonly error?: { readonly type: string; readonly code?: string; readonly decline_code?: string }
  }
}

/** What a charge differs in from the usual one. */
export interface ChargeGiven {
  readonly key?: string
  readonly payment?: string
  readonly amount?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
}

/** Charges the way Stripe's own client does. */
export async function charge(url: string, given: ChargeGiven = {}): Promise<Answer> {
  const { key, payment = 'pay_1', amount = 500, headers = {}, form = {} } = given
  const response = await fetch(`${url}/v1/payment_intents`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer sk_test_1',
      ...(key !== undefined && { 'idempotency-key': key }),
      ...headers,
    },
    body: new URLSearchParams({
      amount: String(amount),
      currency: 'usd',
      confirm: 'true',
      payment_method: 'pm_card_visa',
      'allowed_payment_method_types[0]': 'card',
      'metadata[payment_id]': payment,
      ...form,
    }),
  })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Answer['body'],
  }
}

/** Asks for something. */
export async function ask(url: string): Promise<Answer> {
  const response = await fetch(url, { headers: { authorization: 'Bearer sk_test_1' } })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Answer['body'],
  }
}

/** A webhook as it arrived. */
export interface ReceivedWebhook {
  readonly body: string
  readonly signature: string
  readonly event: { readonly id: string; readonly type: string }
}

/** A receiver of webhooks that ends with the test; takes everything. */
export async function startReceiver(): Promise<{
  readonly url: string
  readonly received: ReceivedWebhook[]
}> {
  const received: ReceivedWebhook[] = []
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      const signature = String(request.headers['stripe-signature'])
      received.push({ body, signature, event: JSON.parse(body) as ReceivedWebhook['event'] })
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
