import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createApp } from './app.ts'
import { createClient, type SimulatorClient } from './control.ts'
import { Gateway } from './engine/gateway.ts'
import { Ledger } from './ledger/ledger.ts'
import type { GatewaySimulatorOptions } from './options.ts'
import { Script } from './script/script.ts'
import { WebhookSender } from './webhooks.ts'

/** A gateway simulator that runs, here or in a separate process. */
export interface GatewaySimulator extends SimulatorClient {
  readonly url: string
  readonly pid: number
  readonly ledgerPath: string
  /** Ends it; the ledger stays. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts a gateway simulator in this process. Keys, intents and outcomes that are still to come are taken from the
 * ledger, so it continues where the last one on that ledger was killed.
 *
 * @throws {RangeError} for a behaviour that does not exist; the error of the file or the socket otherwise
 */
export async function startGatewaySimulator(options: GatewaySimulatorOptions): Promise<GatewaySimulator> {
  const { ledgerPath, port = 0, host = '127.0.0.1' } = options
  const script = new Script(options)
  const ledger = await Ledger.open(ledgerPath, options.keyTtlMs)
  const webhooks = new WebhookSender(options.webhook, (entry) => void ledger.record(entry).catch(() => {}))
  const { laterMs = 500, authorizationMs = 7 * 86_400_000 } = options
  let url = ''
  const gateway = new Gateway(ledger, webhooks, { laterMs, authorizationMs, pagesUrl: () => url })
  const takeRate = limitRate(options.ratePerSecond)
  const app = createApp({ ledger, script, gateway, webhooks, options, takeRate })
  const listener = getRequestListener(app.fetch)
  const server = createServer((request, response) => void listener(request, response))

  async function close(): Promise<void> {
    await new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
    })
    await gateway.close()
    await webhooks.close()
    await ledger.close()
  }

  try {
    await ledger.record({ type: 'opened', at: Date.now(), pid: process.pid })
    await once(server.listen(port, host), 'listening')
  } catch (error) {
    await close()
    throw error
  }
  const address = host.includes(':') ? `[${host}]` : host
  url = `http://${address}:${(server.address() as AddressInfo).port}`
  let closed: Promise<void> | undefined
  return { ...createClient(url), url, pid: process.pid, ledgerPath, close: () => (closed ??= close()) }
}

/** Lets at most so many requests through in any second. */
function limitRate(perSecond: number | undefined) {
  const taken: number[] = []
  return () => {
    if (perSecond === undefined) return true
    const now = performance.now()
    while ((taken[0] ?? now) <= now - 1000) taken.shift()
    if (taken.length >= perSecond) return false
    taken.push(now)
    return true
  }
}
