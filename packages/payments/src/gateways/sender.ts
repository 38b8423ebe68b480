import * as http from 'node:http'
import * as https from 'node:https'
import { withTraceHeaders } from '../tracing.ts'

/** One call to a gateway, and what is known about its bytes. */
export interface GatewayCall {
  readonly signal: AbortSignal
  /** Whether a byte of the request may have left this machine. */
  mayHaveLeft: boolean
}

/** A request to a gateway. */
export interface GatewayRequest {
  readonly protocol: 'http' | 'https'
  readonly host: string
  readonly port: string | number
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Longest time until an answer, in milliseconds. */
  readonly timeoutMs: number
}

/** An answer, read to its end. */
export interface Received {
  readonly response: http.IncomingMessage
  readonly text: string
}

/** Sends each request once, over its own connections, and knows whether it has begun to. */
export interface Sender {
  send(call: GatewayCall, request: GatewayRequest): Promise<Received>
  close(): void
}

/** An answer is a few kilobytes long; a page of a hundred records with all their metadata, three megabytes. */
const MAX_BODY_BYTES = 4_194_304

/** Creates a sender. `connectTimeoutMs`: longest time until there is a connection, TLS included. */
export function createSender(connectTimeoutMs: number): Sender {
  const plainAgent = new http.Agent({ keepAlive: true })
  const tlsAgent = new https.Agent({ keepAlive: true })
  return {
    async send(call, { protocol, host, port, path, method, headers, body, timeoutMs }) {
      const isPlain = protocol === 'http'
      const options = { host, port, path, method, headers: withTraceHeaders({ ...headers }) }
      const request = isPlain
        ? http.request({ ...options, agent: plainAgent })
        : https.request({ ...options, agent: tlsAgent })
      try {
        return await exchange(request, { body, call, isPlain, timeoutMs, connectTimeoutMs })
      } catch (error) {
        request.destroy()
        throw error
      }
    },
    close() {
      plainAgent.destroy()
      tlsAgent.destroy()
    },
  }
}

interface Exchange {
  readonly body: string
  readonly call: GatewayCall
  readonly isPlain: boolean
  readonly timeoutMs: number
  /** Longest time until there is a connection, TLS included, in milliseconds. */
  readonly connectTimeoutMs: number
}

/** Writes no byte before the connection is established and its certificate accepted. */
function exchange(request: http.ClientRequest, options: Exchange): Promise<Received> {
  const { body, call, isPlain, timeoutMs, connectTimeoutMs } = options
  const { signal } = call
  const { promise, resolve, reject } = Promise.withResolvers<Received>()
  const giveUp = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('given up'))
  const connecting = setTimeout(
    () => reject(new Error(`no connection within ${connectTimeoutMs} ms`)),
    Math.min(connectTimeoutMs, timeoutMs),
  )
  const waiting = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)

  function send(): void {
    if (signal.aborted) return
    clearTimeout(connecting)
    call.mayHaveLeft = true
    request.end(body)
  }

  request.on('error', reject)
  request.on('socket', (socket) => {
    if (request.reusedSocket || (isPlain && !socket.connecting)) send()
    else socket.once(isPlain ? 'connect' : 'secureConnect', send)
  })
  request.on('response', (response) => {
    readText(response).then((text) => resolve({ response, text }), reject)
  })
  if (signal.aborted) giveUp()
  signal.addEventListener('abort', giveUp, { once: true })
  return promise.finally(() => {
    clearTimeout(connecting)
    clearTimeout(waiting)
    signal.removeEventListener('abort', giveUp)
  })
}

async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new Error(`the answer is longer than ${MAX_BODY_BYTES} bytes`)
  }
  return Buffer.concat(chunks).toString('utf8')
}
