import { once } from 'node:events'
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener, type Http2Bindings, type HttpBindings } from '@hono/node-server'
import { textOf } from '@titan/queue-core/text-of'
import { Failure } from '@titan/service'
import { countHeaderLines } from './http/header-lines.ts'
import { Problem, renderProblem } from './problem.ts'
import type { ProblemCode } from './problems.ts'

/** A listening HTTP server. */
export type HttpServer = Awaited<ReturnType<typeof startServer>>

/** What to serve, where, and how long connections are waited for. Times are in milliseconds. */
export interface ServerOptions {
  readonly fetch: (request: Request, bindings: HttpBindings | Http2Bindings) => Response | Promise<Response>
  readonly host: string
  /** 0 is any free port. */
  readonly port: number
  /** What is served, for the message when it cannot listen. @default nothing is said */
  readonly purpose?: string
  /** Longest time until the headers of a request have arrived; then 408. @default 10000 */
  readonly headersTimeoutMs?: number
  /** Longest time until a request has arrived, its body included; then 408. @default 30000 */
  readonly requestTimeoutMs?: number
  /** How long an idle connection stays open. @default KEEP_ALIVE_MS */
  readonly keepAliveMs?: number | undefined
  /** After this long without a byte in either direction a connection in use is closed. @default 120000 */
  readonly stalledMs?: number
  /** Connections at a time; further ones are closed at once. @default MAX_CONNECTIONS */
  readonly maxConnections?: number | undefined
  /** Called for each connection that is closed because there are too many. */
  readonly onConnectionRefused?: () => void
}

/** Longer than the idle time of most load balancers, so that they close the connection and not the server. */
export const KEEP_ALIVE_MS = 65_000

/** A connection with half a request takes about 17 kB. */
export const MAX_CONNECTIONS = 10_000

/** How often the server looks for connections whose time is over, in milliseconds: Node's 30 s would double each timeout. */
const CHECK_EVERY_MS = 500

/** Starts to listen. @throws Failure when it cannot */
export async function startServer(options: ServerOptions) {
  const listener = getRequestListener(
    (request, bindings) => {
      // Which of two hosts is meant, a proxy and this server may read differently (RFC 9112, 3.2).
      if (countHeaderLines(bindings.incoming, 'host') > 1) throw new Problem('bad-request')
      return options.fetch(request, bindings)
    },
    { errorHandler: () => refuse(new Problem('bad-request')) },
  )
  /** The open responses of each connection, in the order in which they are sent. */
  const responses = new WeakMap<Socket, Set<ServerResponse>>()
  const server = createServer(
    {
      headersTimeout: options.headersTimeoutMs ?? 10_000,
      requestTimeout: options.requestTimeoutMs ?? 30_000,
      keepAliveTimeout: options.keepAliveMs ?? KEEP_ALIVE_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      // A request without a Host is refused by the listener, with a problem; Node's own refusal has no body.
      requireHostHeader: false,
    },
    (request, response) => {
      const open = responses.get(request.socket) ?? new Set()
      responses.set(request.socket, open.add(response))
      response.once('close', () => {
        open.delete(response)
        endBodyWithSocket(request)
      })
      // HTTP/1.0 asks for no Host, and the checks of balancers such as HAProxy speak it (RFC 9112, 3.2).
      if (request.httpVersion === '1.0') request.headers.host ??= 'localhost'
      void listener(request, response)
    },
  )
  server.timeout = options.stalledMs ?? 120_000
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS
  server.on('drop', () => options.onConnectionRefused?.())
  server.on('clientError', (error, socket: Socket) =>
    answerBrokenRequest(error, socket, [...(responses.get(socket) ?? [])]),
  )
  await listen(server, options)
  let closed: Promise<void> | undefined
  const { port, family } = server.address() as AddressInfo
  return {
    /** Where it listens, such as `http://127.0.0.1:3000`. */
    url: `http://${family === 'IPv6' ? `[${options.host}]` : options.host}:${port}`,
    /** Takes no new connections, lets requests in flight finish for `graceMs`, then cuts the rest. Idempotent. */
    drain: (graceMs: number): Promise<void> => (closed ??= close(server, graceMs)),
  }
}

/**
 * Ends the read of a body whose connection ends after the response: Node detaches an answered request from its socket, and the
 * read would wait for its bytes without end.
 */
function endBodyWithSocket(request: IncomingMessage): void {
  if (request.readableEnded) return
  if (request.socket.destroyed) request.destroy()
  else request.socket.once('close', () => request.destroy())
}

async function listen(server: Server, { host, port, purpose = '' }: ServerOptions): Promise<void> {
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    throw new Failure(`cannot listen on ${host}:${port}${purpose}: ${textOf(error)}`, { cause: error })
  }
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    // A kept-alive connection that ends its request now would be waited for otherwise.
    const sweep = setInterval(() => server.closeIdleConnections(), 50)
    server.close(() => {
      clearTimeout(cut)
      clearInterval(sweep)
      resolve()
    })
  })
}

function refuse(problem: Problem): Response {
  return renderProblem(problem, crypto.randomUUID())
}

/** The problems of requests that never become a `Request`, by the code of Node's error. */
const BROKEN: Readonly<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body-too-large',
}

/** Answers on the socket itself what is not HTTP, too long or too slow. */
function answerBrokenRequest(
  error: NodeJS.ErrnoException,
  socket: Socket,
  open: readonly ServerResponse[],
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  // Requests that arrived whole get their own responses: a client would take the next bytes for the first of them.
  const owed = open.findLast(({ req, writableFinished }) => req.complete && !writableFinished)
  if (owed !== undefined) return void owed.once('close', () => socket.destroySoon())
  if (open.some(({ headersSent }) => headersSent)) return void socket.destroy()
  const response = refuse(new Problem(BROKEN[error.code ?? ''] ?? 'bad-request'))
  void response.text().then((body) => {
    const status = `${response.status} ${STATUS_CODES[response.status]}`
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join('')
    socket.end(
      `HTTP/1.1 ${status}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    )
  })
}
