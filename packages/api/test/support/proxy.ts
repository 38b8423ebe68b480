import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP relay in front of a server, to take the server away without stopping it. */
export interface Proxy {
  /** The server's URL with the proxy's address in it. */
  readonly url: string
  /** Cuts all connections and refuses new ones. */
  cut(): Promise<void>
  /** Keeps connections open and swallows what is sent. */
  swallow(): void
  heal(): Promise<void>
  close(): Promise<void>
}

/** Starts a relay to the server that `url` names. */
export async function startProxy(url: string): Promise<Proxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let mode: 'pass' | 'swallow' = 'pass'
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('data', (bytes) => {
        if (mode === 'pass') other.write(bytes)
      })
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve()))
  const cut = (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(() => resolve()))
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  const through = new URL(url)
  through.port = String(port)
  return {
    url: through.href,
    cut,
    swallow: () => {
      mode = 'swallow'
    },
    heal: async () => {
      mode = 'pass'
      if (!server.listening) await listen(port)
    },
    close: cut,
  }
}
