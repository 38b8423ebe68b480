import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { createAdyenGateway, type AdyenGatewayOptions } from '../../src/gateways/adyen/gateway.ts'
import type { ChargeRequest, Gateway, MovementRequest } from '../../src/index.ts'
import { attemptOf } from './simulator.ts'

/** The key of the SDK's own test vectors. */
export const HMAC_KEY = 'DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00'
export const API_KEY = 'AQEyhmfxK4_the_key_of_the_tests'

/** The adyen gateway against a simulator or a fake. */
export function adyenAt(baseUrl: string, options: Partial<AdyenGatewayOptions> = {}): Gateway {
  const gateway = createAdyenGateway({
    apiKey: API_KEY,
    merchantAccount: 'TitanTest',
    baseUrl,
    timeoutMs: 5_000,
    ...options,
  })
  onTestFinished(() => gateway.close?.())
  return gateway
}

const HEX = '0198c5a0f3b47d2e9a6b1c2d3e4f5a6b'
export const PAYMENT = `pay_${HEX}`

/** The first attempt of a payment with an id like those in production. */
export function adyenAttempt(given: Partial<ChargeRequest> = {}): ChargeRequest {
  return attemptOf(PAYMENT, { currency: 'EUR', ...given })
}

/** A movement of a charge. */
export function adyenMovement(
  kind: MovementRequest['kind'],
  chargeRef: string,
  given: Partial<MovementRequest> = {},
): MovementRequest {
  const movementId = `${{ capture: 'cap', void: 'void', refund: 'ref' }[kind]}_${HEX}`
  return {
    kind,
    movementId,
    paymentId: PAYMENT,
    attemptNo: 1,
    gatewayKey: `titan_${movementId}_1`,
    amount: 500,
    currency: 'EUR',
    chargeKey: `titan_${PAYMENT}_1`,
    chargeRef,
    ...given,
  }
}

export interface SeenRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Readonly<Record<string, unknown>>
}

interface FakeAnswer {
  readonly status?: number
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
}

/** A server that answers as it is told, and keeps what it was asked. */
export async function serveAdyen(
  answer: (request: SeenRequest) => FakeAnswer,
): Promise<{ readonly url: string; readonly seen: SeenRequest[] }> {
  const seen: SeenRequest[] = []
  const server = createServer((request, response) => void reply(request, response))
  async function reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as SeenRequest['body']
    const one = { path: request.url ?? '', headers: request.headers, body }
    seen.push(one)
    const { status = 200, body: answered = {}, headers = {} } = answer(one)
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(answered))
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}
