import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP relay in front of a server, to take the server away without stopping it. */
export interface Proxy {
  /** The server's URL with the proxy's address in it. */
  readonly url: string
  /** Cuts all connections and takes no new ones. */
  cut(): void
  /** Keeps connections open and swallows what is sent. */
  swallow(): void
  heal(): void
  close(): Promise<void>
}

/** Starts a relay to the server that `url` names. */
export async function startProxy(url: string): Promise<Proxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let mode: 'pass' | 'cut' | 'swallow' = 'pass'
  const server = createServer((client) => {
    if (mode === 'cut') {
      client.destroy()
      return
    }
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const through = new URL(url)
  through.port = String((server.address() as AddressInfo).port)
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: through.href,
    cut: () => {
      mode = 'cut'
      destroyAll()
    },
    swallow: () => {
      mode = 'swallow'
    },
    heal: () => {
      mode = 'pass'
    },
    close: () => {
      destroyAll()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
