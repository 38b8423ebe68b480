import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { relay, type Fault, type UpstreamAnswer } from './faults.ts'
import type { ReceivedRequest } from './received.ts'

/** Headers of one hop. Answers must come readable, so that they can be altered. */
const HOP_HEADERS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'expect',
  'host',
  'keep-alive',
  'transfer-encoding',
])

/** A fault, and the requests that it strikes. */
interface Strike {
  readonly fault: Fault
  readonly strikes: (request: ReceivedRequest) => boolean
}

/** An HTTP server in front of the gateway, which counts requests and can be any bad network. */
export class FaultProxy {
  readonly url: string
  /** Requests that arrived whole, in order. */
  readonly received: ReceivedRequest[] = []
  /** Connections that were accepted. */
  connections = 0
  readonly #target: string
  readonly #server: Server
  /** Connections that have carried a request. */
  readonly #used = new WeakSet<Socket>()
  #strike: Strike | undefined
  #kills = false
  #struck = Promise.withResolvers<void>()

  private constructor(server: Server, target: string) {
    this.#server = server
    this.#target = target
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', (socket) => this.#connect(socket))
    server.on('request', (request, response) => void this.#receive(request, response))
  }

  static async start(target: string): Promise<FaultProxy> {
    const server = createServer({ keepAliveTimeout: 0 })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return new FaultProxy(server, target)
  }

  /** Imposes a fault on requests, or on all. Resolves each time that it has struck: see `struck`. */
  impose(fault: Fault, strikes: Strike['strikes'] = () => true): void {
    this.#strike = { fault, strikes }
    this.#struck = Promise.withResolvers()
  }

  /** Lets open connections die when they are used again. */
  killKeptConnections(): void {
    this.#kills = true
  }

  /** Ends faults. */
  heal(): void {
    this.#strike = undefined
    this.#kills = false
  }

  /** Resolves when the fault has struck a request. */
  struck(): Promise<void> {
    return this.#struck.promise
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #connect(socket: Socket): void {
    this.connections++
    // The other side ends connections as it likes.
    socket.on('error', () => {})
    if (this.#strike?.fault.reaches !== 'nothing') return
    socket.resetAndDestroy()
    this.#struck.resolve()
  }

  async #receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (this.#isDead(incoming.socket)) {
        incoming.socket.resetAndDestroy()
        return this.#struck.resolve()
      }
      this.#used.add(incoming.socket)
      const request = await read(incoming)
      this.received.push(request)
      await this.#handle(request, response)
    } catch {
      // Without the gateway there is no answer.
      response.socket?.destroy()
    }
  }

  /** Whether a connection that was kept has died meanwhile. */
  #isDead(socket: Socket): boolean {
    return this.#strike?.fault.reaches === 'nothing' || (this.#kills && this.#used.has(socket))
  }

  async #handle(request: ReceivedRequest, response: ServerResponse): Promise<void> {
    const fault = this.#strike?.strikes(request) === true ? this.#strike.fault : undefined
    const answer = fault?.reaches === 'proxy' ? NO_ANSWER : await forward(this.#target, request)
    if (fault === undefined) return relay(response, answer)
    fault.answer?.(response, answer)
    this.#struck.resolve()
  }
}

const NO_ANSWER: UpstreamAnswer = { status: 500, headers: {}, body: Buffer.alloc(0) }

async function read(incoming: IncomingMessage): Promise<ReceivedRequest> {
  const { method = 'GET', url: path = '/' } = incoming
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(incoming.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '')
  return { method, path, headers, body: await bytesOf(incoming) }
}

async function forward(
  target: string,
  { method, path, headers, body }: ReceivedRequest,
): Promise<UpstreamAnswer> {
  const url = new URL(target)
  const sent = Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_HEADERS.has(name)))
  if (body.length > 0) sent['content-length'] = String(body.length)
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const request = send(url, { method, path, headers: { ...sent, connection: 'close' } })
  request.end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const received = await bytesOf(response)
  const kept = Object.entries(response.headers).filter(
    ([name]) => !HOP_HEADERS.has(name) && name !== 'content-length',
  )
  const headersOfAnswer = Object.fromEntries(kept)
  return { status: response.statusCode ?? 0, headers: headersOfAnswer, body: received }
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
