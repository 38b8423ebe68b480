import { connect, createServer, type Socket } from 'node:net'

/** A TCP proxy that can swallow everything, like a network that is cut. */
export interface TcpProxy {
  readonly port: number
  readonly url: string
  /** From now on nothing passes, in connections old and new; none is closed. */
  blackhole(): void
  /** New connections pass again; those that were cut stay silent for ever. */
  heal(): void
  /** New connections go to another port, like a name that moves to another machine; old ones stay. */
  redirect(toPort: number): void
  close(): Promise<void>
}

/** Forwards connections on a free port of the loopback address to `port`. */
export async function startTcpProxy(port: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let isOpen = true
  let target = port
  let cut: (() => void)[] = []

  const server = createServer((near) => {
    track(near)
    if (!isOpen) {
      near.pause()
      return
    }
    const far = track(connect(target, '127.0.0.1'))
    near.pipe(far)
    far.pipe(near)
    // What one side ends, the other one learns.
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    cut.push(() => {
      near.unpipe(far)
      far.unpipe(near)
      near.pause()
      far.pause()
    })
  })

  function track(socket: Socket): Socket {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    return socket
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port')
  return {
    port: address.port,
    url: `redis://127.0.0.1:${address.port}`,
    blackhole() {
      isOpen = false
      for (const off of cut) off()
      cut = []
    },
    heal() {
      isOpen = true
    },
    redirect(toPort) {
      target = toPort
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
