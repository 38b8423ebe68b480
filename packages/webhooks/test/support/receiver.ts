import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** One request as it came in. */
export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly method: string
  readonly path: string
}

/** A server that gets webhooks. */
export interface Receiver {
  readonly url: string
  readonly port: number
  readonly received: readonly Received[]
  /** Connections so far. */
  readonly connections: number
  /** Those that are open now. */
  readonly open: number
  /** Cuts every connection and takes no more. Idempotent. */
  close(): Promise<void>
}

/** How to answer a request; its number counts from 1. */
export type Answering = (response: ServerResponse, received: Received, number: number) => void

/** Answers with a status, and headers. */
export function status(code: number, headers: Record<string, string> = {}): Answering {
  return (response) => void response.writeHead(code, headers).end()
}

/** Answers with one status after the other, and then with the last. */
export function statuses(...codes: readonly number[]): Answering {
  return (response, _received, number) => {
    response.writeHead(codes[number - 1] ?? codes.at(-1) ?? 200).end()
  }
}

/** Never answers. */
export const hang: Answering = () => {}

/** Starts a receiver that ends with the test. */
export async function startReceiver(answer: Answering = status(200)): Promise<Receiver> {
  const received: Received[] = []
  let open = 0
  let connections = 0
  const server = createServer((request, response) => {
    response.on('error', () => {})
    void read(request).then((body) => {
      if (body === undefined) return
      const { headers, method = '', url: path = '' } = request
      const one = { headers, body, method, path }
      received.push(one)
      answer(response, one, received.length)
    })
  })
  server.on('connection', (socket) => {
    open++
    connections++
    socket.on('error', () => {})
    socket.on('close', () => open--)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  onTestFinished(close)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hook`,
    port,
    received,
    get connections() {
      return connections
    },
    get open() {
      return open
    },
    close,
  }
}

async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString()
  } catch {
    // The sender went away.
    return undefined
  }
}
