import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One charge in the ledger. */
export interface LedgerCharge {
  readonly key: string
  readonly paymentId: string
  readonly amount: number
  readonly currency: string
}

/** A gateway outside of every worker, which remembers what it charged: the oracle of the crash tests. */
export interface Ledger {
  readonly url: string
  /** Every charge, in order. A key is charged once, however often it comes. */
  readonly charges: readonly LedgerCharge[]
  /** Every request, repeats included. */
  readonly requests: readonly LedgerCharge[]
  /** Charges, but keeps the answers back. */
  hold(): void
  /** Answers again, and what was kept back too. */
  release(): void
  close(): Promise<void>
}

/** Starts a ledger server. */
export async function startLedger(): Promise<Ledger> {
  const charges: LedgerCharge[] = []
  const requests: LedgerCharge[] = []
  const held = new Set<() => void>()
  let isHolding = false

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const charge = JSON.parse(await readText(request)) as LedgerCharge
    requests.push(charge)
    if (!charges.some(({ key }) => key === charge.key)) charges.push(charge)
    const answer = (): void => {
      held.delete(answer)
      response.end(
        JSON.stringify({ id: `ch_${charge.key}`, amount: charge.amount, currency: charge.currency }),
      )
    }
    if (isHolding) held.add(answer)
    else answer()
  }

  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    charges,
    requests,
    hold: () => {
      isHolding = true
    },
    release: () => {
      isHolding = false
      for (const answer of held) answer()
    },
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
