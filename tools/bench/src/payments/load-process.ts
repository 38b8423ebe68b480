// Sends HTTP requests. It is a separate process with a bare client, because both sides pay for sending.
import { randomUUID } from 'node:crypto'
import { Client, type Dispatcher } from 'undici'
import type { Load, LoadResult } from './load.ts'

process.on('message', (load) => void run(load as Load).then((result) => process.send?.(result)))
process.once('disconnect', () => process.exit())
process.once('SIGTERM', () => process.exit())
process.send?.('ready')

async function run({ url, method, requests, inFlight, rate }: Load): Promise<LoadResult> {
  const { origin, pathname } = new URL(url)
  const keys = randomUUID()
  const clients = Array.from({ length: inFlight }, () => new Client(origin, { pipelining: 1 }))
  const free = [...clients]
  const { promise: isOver, resolve: end, reject: fail } = Promise.withResolvers<void>()
  let sent = 0
  let answered = 0
  let succeeded = 0
  let timer: NodeJS.Timeout | undefined
  const begun = performance.now()

  function countDue(): number {
    if (rate === undefined) return requests
    return Math.min(requests, 1 + Math.floor(((performance.now() - begun) / 1_000) * rate))
  }

  function sendDue(): void {
    const due = countDue()
    for (let client; sent < due && (client = free.pop()) !== undefined;) send(client, sent++)
    if (rate === undefined || sent === requests) return
    timer = setTimeout(sendDue, Math.max(1, begun + (sent / rate) * 1_000 - performance.now()))
  }

  function send(client: Client, index: number): void {
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {},
      onResponseStart(_controller, status) {
        if (status >= 200 && status < 300) succeeded++
      },
      onResponseData() {},
      onResponseEnd() {
        free.push(client)
        if (++answered === requests) end()
        else if (rate === undefined) sendDue()
      },
      onResponseError: (_controller, error) => fail(error),
    }
    const body = method === 'POST' ? `{"amount":500,"idempotency_key":"${keys}-${index}"}` : null
    const headers = body === null ? [] : ['content-type', 'application/json']
    client.dispatch({ method, path: pathname, headers, body }, handler)
  }

  try {
    sendDue()
    await isOver
    return { seconds: (performance.now() - begun) / 1_000, succeeded }
  } finally {
    clearTimeout(timer)
    for (const client of clients) client.destroy().catch(() => undefined)
  }
}
