import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

interface Backend {
  readonly url: string
  readonly agent: Agent
  /** Checks that failed in a row. */
  failures: number
}

/** How often a balancer checks readiness, and how many failed checks in a row take a backend out. */
interface CheckOptions {
  readonly everyMs: number
  readonly fall: number
}

/**
 * Starts a load balancer: it keeps connections, checks `/readyz`, sends requests in turn to the backends that are up, and
 * repeats none. A request that a backend does not answer gets 502.
 */
export async function startBalancer(urls: readonly string[], { everyMs, fall }: CheckOptions) {
  const stopping = new AbortController()
  const backends: Backend[] = urls.map((url) => ({
    url,
    agent: new Agent({ keepAlive: true }),
    failures: fall,
  }))
  const isUp = ({ failures }: Backend): boolean => failures < fall
  let turn = 0

  async function check(backend: Backend): Promise<void> {
    while (!stopping.signal.aborted) {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(1_000)])
      const isReady = await fetch(`${backend.url}/readyz`, { signal }).then(
        async (response) => (await response.text()) !== '' && response.ok,
        () => false,
      )
      backend.failures = isReady ? 0 : backend.failures + 1
      await pause(everyMs)
    }
  }

  function forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const up = backends.filter(isUp)
    const backend = up[turn++ % up.length]
    if (backend === undefined) return void outgoing.writeHead(503).end()
    const { method, headers } = incoming
    const options = { method, headers: { ...headers, connection: 'keep-alive' }, agent: backend.agent }
    const forwarded = request(`${backend.url}${incoming.url}`, options, (response) => {
      // It is about the connection to the backend.
      const { connection: _, ...rest } = response.headers
      outgoing.writeHead(response.statusCode ?? 502, rest)
      response.pipe(outgoing)
    })
    forwarded.on(
      'error',
      () => void (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()),
    )
    outgoing.on('close', () => forwarded.destroy())
    incoming.pipe(forwarded)
  }

  const server = createServer(forward)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const checking = backends.map(check)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Returns the backends that get requests. */
    up: () => backends.filter(isUp).map(({ url }) => url),
    async close() {
      stopping.abort()
      server.closeAllConnections()
      server.close()
      await Promise.all(checking)
      for (const { agent } of backends) agent.destroy()
    },
  }
}
