import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import {
  startGatewaySimulator,
  type GatewaySimulator,
} from '../../../../tools/gateway-simulator/src/index.ts'

/** A gateway simulator that remembers what it was sent. */
export interface RecordedGateway extends GatewaySimulator {
  /** The `traceparent` of each charge, in order; undefined where there was none. */
  readonly traceparents: readonly (string | undefined)[]
  /** What makes `titan-worker` charge there. */
  readonly env: Readonly<Record<string, string>>
}

/** Starts a gateway in this process that ends with the test. */
export async function startGateway(): Promise<RecordedGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'titan-gateway-'))
  const simulator = await startGatewaySimulator({ ledgerPath: join(folder, 'ledger.jsonl') })
  const traceparents: (string | undefined)[] = []
  const note = (message: unknown): void => {
    const { request, server } = message as { request: IncomingMessage; server: Server }
    const { port } = server.address() as AddressInfo
    if (String(port) !== new URL(simulator.url).port || request.url !== '/v1/payment_intents') return
    traceparents.push(request.headers['traceparent'] as string | undefined)
  }
  subscribe('http.server.request.start', note)
  onTestFinished(async () => {
    unsubscribe('http.server.request.start', note)
    await simulator.close()
    await rm(folder, { recursive: true, force: true })
  })
  const env = { GATEWAY: 'stripe', STRIPE_SECRET_KEY: 'sk_test_titan', STRIPE_API_BASE: simulator.url }
  return { ...simulator, traceparents, env }
}
