import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Problem, renderProblem } from './problem.ts'

/** A listening HTTP server. */
export interface HttpServer {
  /** Where it listens, such as `http://127.0.0.1:3000`. */
  readonly url: string
  /**
   * Takes no new connections, lets the requests in progress finish and then closes. Idempotent.
   *
   * @param graceMs after this long the remaining connections are cut
   */
  drain(graceMs: number): Promise<void>
}

/** What to serve, and where. */
export interface ServerOptions {
  readonly fetch: (request: Request) => Response | Promise<Response>
  readonly host: string
  /** 0 is any free port. */
  readonly port: number
}

/** A slow client may not hold a connection for longer than this while it sends a request. */
const REQUEST_TIMEOUT_MS = 30_000

/** Longer than the idle time of common load balancers, so that they close the connection and not we. */
const KEEP_ALIVE_MS = 65_000

/**
 * Starts to listen.
 *
 * @throws the error of the socket, such as EADDRINUSE
 */
export async function startServer(options: ServerOptions): Promise<HttpServer> {
  const listener = getRequestListener(options.fetch, {
    errorHandler: () => refuse(new Problem('bad-request')),
  })
  const server = createServer(
    // A request without a Host is refused by the listener, with a problem; Node's own refusal has no body.
    { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS, requireHostHeader: false },
    (request, response) => {
      endBodyWithSocket(request, response)
      void listener(request, response)
    },
  )
  server.on('clientError', answerBrokenRequest)
  await listen(server, options)
  let closed: Promise<void> | undefined
  return {
    url: urlOf(server, options.host),
    drain: (graceMs) => (closed ??= close(server, graceMs)),
  }
}

/**
 * Ends the read of a body whose connection ends after the response: Node detaches an answered request from its socket, and the
 * read would wait for its bytes without end.
 */
function endBodyWithSocket(request: IncomingMessage, response: ServerResponse): void {
  response.once('close', () => {
    if (request.readableEnded) return
    if (request.socket.destroyed) request.destroy()
    else request.socket.once('close', () => request.destroy())
  })
}

function listen(server: Server, { host, port }: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** How often connections that have become idle are looked for while the server drains, in milliseconds. */
const IDLE_CHECK_MS = 50

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    // A kept-alive connection that ends its request now would be waited for otherwise.
    const sweep = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
    server.close(() => {
      clearTimeout(cut)
      clearInterval(sweep)
      resolve()
    })
  })
}

function urlOf(server: Server, host: string): string {
  const { port, family } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`
}

function refuse(problem: Problem): Response {
  return renderProblem(problem, { requestId: crypto.randomUUID() })
}

/** Bytes that are not HTTP never become a Request, so they get their answer on the socket itself. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const response = refuse(new Problem('bad-request'))
  void response.text().then((body) => {
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join('')
    socket.end(
      `HTTP/1.1 400 Bad Request\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    )
  })
}
