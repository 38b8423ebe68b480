import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createApp } from './app.ts'
import { enter, openBooks, type Books } from './books.ts'
import { createChargeEndpoint } from './charge-endpoint.ts'
import { createClient, type SimulatorClient } from './client.ts'
import type { LedgerEntry } from './ledger-entry.ts'
import { openLedgerFile, type LedgerFile } from './ledger-file.ts'
import { createScheduler } from './scheduler.ts'
import { createScript, type ScriptOptions } from './script.ts'
import { WebhookSender, type WebhookTarget } from './webhooks.ts'

/** Options of {@link startGatewaySimulator}. */
export interface GatewaySimulatorOptions extends ScriptOptions {
  /** File of JSON lines; made when it is not there, read when it is. */
  readonly ledgerPath: string
  /** @default 0, any free port */
  readonly port?: number
  /** @default '127.0.0.1' */
  readonly host?: string
  /** The only key that is let in. @default every key */
  readonly secretKey?: string
  /** How long an idempotency key is remembered, in milliseconds. @default 86400000, a day */
  readonly keyTtlMs?: number
  /** Time until outcomes that come later, in milliseconds. @default 500 */
  readonly laterMs?: number
  /** Requests per second; more are answered 429. @default no limit */
  readonly ratePerSecond?: number
  /** How long a new intent is not found by a search, in milliseconds. @default 0 */
  readonly searchLagMs?: number
  /** Size of a huge body, in bytes. @default 1073741824, a gibibyte */
  readonly hugeBytes?: number
  /** Where webhooks go. @default nowhere */
  readonly webhook?: WebhookTarget
}

/** A gateway simulator that runs, here or in a process of its own. */
export interface GatewaySimulator extends SimulatorClient {
  readonly url: string
  readonly pid: number
  readonly ledgerPath: string
  /** Ends it; the ledger stays. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts a gateway simulator in this process. Keys, intents and outcomes that are still to come are taken from the
 * ledger, so it goes on where the last one on that ledger was killed.
 *
 * @throws {RangeError} for a behaviour that does not exist; the error of the file or the socket otherwise
 */
export async function startGatewaySimulator(options: GatewaySimulatorOptions): Promise<GatewaySimulator> {
  const { ledgerPath, port = 0, host = '127.0.0.1' } = options
  const script = createScript(options)
  const { file, entries } = await openLedgerFile(ledgerPath)
  const books = openBooks()
  for (const entry of entries) enter(books, entry)
  const record = recorder(file, books)
  const background = (entry: LedgerEntry): void => void record(entry).catch(() => {})
  const webhooks = new WebhookSender(options.webhook, background)
  const scheduler = createScheduler({ books, webhooks, record })
  const { keyTtlMs = 86_400_000, laterMs = 500, searchLagMs = 0, hugeBytes = 2 ** 30, secretKey } = options
  const charge = createChargeEndpoint({ books, keyTtlMs, laterMs, scheduler, webhooks, record })
  const takeRate = rateOf(options.ratePerSecond)
  const app = createApp({
    books,
    script,
    charge,
    webhooks,
    record,
    secretKey,
    takeRate,
    searchLagMs,
    hugeBytes,
  })
  const listener = getRequestListener(app.fetch)
  const server = createServer((request, response) => void listener(request, response))

  async function close(): Promise<void> {
    await new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
    })
    await scheduler.close()
    await webhooks.close()
    await file.close()
  }

  try {
    await record({ type: 'opened', at: Date.now(), pid: process.pid })
    await listen(server, host, port)
  } catch (error) {
    await close()
    throw error
  }
  const url = `http://${host}:${(server.address() as AddressInfo).port}`
  let closed: Promise<void> | undefined
  return { ...createClient(url), url, pid: process.pid, ledgerPath, close: () => (closed ??= close()) }
}

/** Nothing is true before it is on disk. */
function recorder(file: LedgerFile, books: Books): (entry: LedgerEntry) => Promise<void> {
  return async (entry) => {
    await file.append(entry)
    enter(books, entry)
  }
}

/** At most so many requests in any second. */
function rateOf(perSecond: number | undefined): () => boolean {
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

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
