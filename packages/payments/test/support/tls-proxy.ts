import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { TEST_CERTIFICATE, TEST_KEY } from './certificate.ts'

/** A PostgreSQL that speaks TLS: a proxy in front of one that need not. It ends with the test. */
export interface TlsProxy {
  readonly port: number
  /** Keeps the connections that are open, and swallows what is sent over them. */
  swallow(): void
}

/** Answers the request for TLS with S and encrypts, as a server does. */
export async function startTlsProxy(toPort: number): Promise<TlsProxy> {
  const secureContext = createSecureContext({ key: TEST_KEY, cert: TEST_CERTIFICATE })
  const sockets = new Set<Socket>()
  let cuts: (() => void)[] = []
  const track = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => undefined)
  }

  const server = createServer((raw) => {
    track(raw).once('data', () => {
      raw.write('S')
      const near = track(new TLSSocket(raw, { isServer: true, secureContext }))
      const far = track(connect(toPort, '127.0.0.1'))
      near.pipe(far).pipe(near)
      near.on('close', () => far.destroy())
      cuts.push(() => {
        near.unpipe(far)
        far.unpipe(near)
        near.resume()
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    port: address.port,
    swallow() {
      for (const cut of cuts) cut()
      cuts = []
    },
  }
}
